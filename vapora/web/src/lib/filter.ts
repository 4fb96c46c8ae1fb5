/** What the board is narrowed to, as it stands in the address. Pure. */
import type { Card } from "../api/types";

export interface Filter {
  text: string;
  role: string;
  agent: string;
  waiting: string;
  label: string;
}

export const NO_FILTER: Filter = { text: "", role: "", agent: "", waiting: "", label: "" };
const NAMES: Record<keyof Filter, string> = { text: "q", role: "role", agent: "agent", waiting: "waiting", label: "label" };

export function readFilter(query: string): Filter {
  const given = new URLSearchParams(query);
  return Object.fromEntries(Object.entries(NAMES).map(([key, name]) => [key, given.get(name) ?? ""])) as unknown as Filter;
}

/** The query with the filter in it; everything else of it stays. */
export function withFilter(query: string, filter: Filter): string {
  const next = new URLSearchParams(query);
  for (const [key, name] of Object.entries(NAMES)) {
    const value = filter[key as keyof Filter];
    if (value) next.set(name, value);
    else next.delete(name);
  }
  const text = next.toString();
  return text ? `?${text}` : "";
}

export const isEmpty = (filter: Filter): boolean => Object.values(filter).every((one) => !one);

/** Every word must occur in the title, the id, the role, the agent, the task type or a label. */
export function fits(card: Card, filter: Filter): boolean {
  if (filter.role && card.role !== filter.role && card.runs.at(-1)?.role !== filter.role) return false;
  if (filter.agent && card.assigned_agent !== filter.agent) return false;
  if (filter.waiting && (filter.waiting === "any" ? !card.waiting : card.waiting?.reason !== filter.waiting)) return false;
  if (filter.label && !(card.labels ?? []).includes(filter.label)) return false;
  if (!filter.text.trim()) return true;
  const heap = [card.title, card.id, card.role, card.assigned_agent, card.task_type, ...(card.labels ?? [])].join(" ").toLocaleLowerCase();
  return filter.text.toLocaleLowerCase().split(/\s+/).every((word) => heap.includes(word));
}
