/** What is said of cards that came to another state. Pure. */
import type { Card, Frame } from "../api/types";

/** Whether some card of its project has come to the state in which this one is. */
export const entered = (frame: Frame, card: Card): boolean =>
  frame.rows.some(({ view, row }) => view === "column" && row.project_id === card.project_id && row.state === card.state);

const SAID: Record<string, [one: string, many: string]> = {
  review: ["waits for your review", "cards wait for your review"],
  done: ["is done", "cards are done"],
  failed: ["has failed", "cards have failed"],
};

/** One sentence for each state: of a single card by its title. */
export function told(cards: readonly Card[]): string[] {
  return Object.entries(SAID).flatMap(([state, [one, many]]) => {
    const found = cards.filter((card) => card.state === state);
    if (found.length === 0) return [];
    return [found.length === 1 ? `“${found[0]?.title}” ${one}.` : `${found.length} ${many}.`];
  });
}
