/** How cards are arranged in columns. Pure: no network, no DOM. */
import { COLUMNS, type Card, type Column } from "../api/types";

const ENDED: ReadonlySet<string> = new Set(["done", "failed"]);

/** Work in the order in which it is done; what has ended with the newest first. Ranks compare as text, by code unit. */
export function inOrder(column: string, a: Card, b: Card): number {
  const order = a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : 0;
  return ENDED.has(column) ? -order : order;
}

export const isColumn = (state: string): state is Column => (COLUMNS as readonly string[]).includes(state);

/** A move that the server has not confirmed yet. `before`: the card to stand in front of; null: at the end. */
export interface PendingMove {
  id: string;
  to: Column | "archived";
  before: string | null;
}

/** The cards of each column as they are to be shown, with unconfirmed moves on top. */
export function arrange(cards: Iterable<Card>, pending: Iterable<PendingMove> = []): Record<Column, Card[]> {
  const columns = Object.fromEntries(COLUMNS.map((one) => [one, [] as Card[]])) as Record<Column, Card[]>;
  const moves = [...pending];
  const moving = new Map(moves.map((one) => [one.id, one]));
  const held = new Map<string, Card>();
  for (const card of cards) {
    if (moving.has(card.id)) held.set(card.id, card);
    else if (isColumn(card.state)) columns[card.state].push(card);
  }
  for (const column of COLUMNS) columns[column].sort((a, b) => inOrder(column, a, b));
  for (const { id, to, before } of moves) {
    const card = held.get(id);
    if (!card || to === "archived") continue;
    const at = before === null ? -1 : columns[to].findIndex((one) => one.id === before);
    const shown = { ...card, state: to };
    if (at < 0) ENDED.has(to) ? columns[to].unshift(shown) : columns[to].push(shown);
    else columns[to].splice(at, 0, shown);
  }
  return columns;
}

/** Moves that a person may ask for; the server has the last word. */
const MOVES: Record<Column, readonly Column[]> = {
  todo: ["todo"],
  "in-progress": ["todo"],
  review: ["done", "todo"],
  done: [],
  failed: ["todo"],
};

export const mayMove = (from: Column, to: Column): boolean => MOVES[from].includes(to);

export const movesFrom = (from: Column): readonly Column[] => MOVES[from].filter((one) => one !== from);

/** How many cards each column holds, over all of these projects. */
export function totals(projects: Iterable<Readonly<Record<string, number>>>): Record<Column, number> {
  const sums = Object.fromEntries(COLUMNS.map((one) => [one, 0])) as Record<Column, number>;
  for (const held of projects) for (const column of COLUMNS) sums[column] += held[column] ?? 0;
  return sums;
}

/** The list that was there before, where the new one holds the very same things. */
export const sameOrNew = <T>(before: readonly T[], now: readonly T[]): readonly T[] =>
  before.length === now.length && before.every((one, at) => one === now[at]) ? before : now;
