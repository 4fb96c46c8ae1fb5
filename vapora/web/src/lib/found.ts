/** What was found, in groups. Pure. */
import type { FoundItem } from "../api/types";

const NAMES: Record<string, string> = { task: "Tasks", run: "Runs", document: "Documents", comment: "Comments", code: "Code" };

export interface FoundGroup {
  kind: string;
  name: string;
  items: readonly FoundItem[];
}

/** A group for each kind, the one with the best item first; within it the order of the answer. */
export function grouped(items: readonly FoundItem[]): FoundGroup[] {
  const kinds = [...new Set(items.map((item) => item.kind))];
  return kinds.map((kind) => ({ kind, name: NAMES[kind] ?? kind, items: items.filter((item) => item.kind === kind) }));
}

/** The place `by` steps from `at` among `count`, round and round; none at all: -1. */
export function stepped(at: number, by: number, count: number): number {
  if (!count) return -1;
  return at < 0 ? (by > 0 ? 0 : count - 1) : (at + by + count) % count;
}

/** Whether the key opens the search: Ctrl-K or ⌘-K anywhere, `/` where nobody is typing. */
export function opensSearch(event: { key: string; ctrlKey: boolean; metaKey: boolean; altKey: boolean }, typing: boolean): boolean {
  if (event.altKey) return false;
  const command = event.ctrlKey || event.metaKey;
  return command ? event.key.toLowerCase() === "k" : event.key === "/" && !typing;
}
