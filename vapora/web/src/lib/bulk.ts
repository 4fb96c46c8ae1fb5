/** Many cards at once. Pure, but for what it is given to do. */

export interface Outcome {
  title: string;
  /** Why it was refused; empty where it was done. */
  reason: string;
}

/** Do it for each, a few at a time; in the order given. */
export async function forEach<T, R>(all: readonly T[], act: (one: T) => Promise<R>, atOnce = 6): Promise<R[]> {
  const found: R[] = [];
  let next = 0;
  const worker = async () => {
    for (let mine = next++; mine < all.length; mine = next++) found[mine] = await act(all[mine] as T);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, all.length) }, worker));
  return found;
}

const NAMED = 3;

/** What to tell: `done` is "archived", "moved to To do". */
export function summary(outcomes: readonly Outcome[], done: string): { kind: "good" | "bad"; text: string; more: string } {
  const cards = (count: number) => (count === 1 ? "1 card" : `${count} cards`);
  const refused = outcomes.filter((one) => one.reason);
  if (refused.length === 0) return { kind: "good", text: `${cards(outcomes.length)} ${done}.`, more: "" };
  const named = refused.slice(0, NAMED).map((one) => `“${one.title}”: ${one.reason}`);
  const rest = refused.length - named.length;
  return {
    kind: "bad",
    text: `${refused.length} of ${cards(outcomes.length)} not ${done}.`,
    more: named.join(" ") + (rest ? ` And ${rest} more.` : ""),
  };
}

/** All between two cards of a column, both included; the second one alone where the first is not there. */
export function between(ids: readonly string[], from: string | null, to: string): readonly string[] {
  const [start, end] = [from === null ? -1 : ids.indexOf(from), ids.indexOf(to)];
  return start < 0 || end < 0 ? [to] : ids.slice(Math.min(start, end), Math.max(start, end) + 1);
}
