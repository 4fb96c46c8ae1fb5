import { expect, test } from "vitest";
import type { Card } from "../api/types";
import { arrange, mayMove, sameOrNew, totals } from "./columns";

const card = (id: string, state: string, rank: string): Card => ({ id, state, rank }) as Card;
const ids = (cards: readonly Card[]) => cards.map((one) => one.id);

test("work stands in its order, and what has ended with the newest first", () => {
  const columns = arrange([card("b", "todo", "b"), card("a", "todo", "a"), card("x", "done", "1"), card("y", "done", "2")]);
  expect(ids(columns.todo)).toEqual(["a", "b"]);
  expect(ids(columns.done)).toEqual(["y", "x"]);
});

test("ranks compare by code unit, not by language", () => {
  expect(ids(arrange([card("low", "todo", "a"), card("high", "todo", "Z")]).todo)).toEqual(["high", "low"]);
});

test("an archived card stands nowhere", () => {
  expect(Object.values(arrange([card("a", "archived", "a")])).flat()).toEqual([]);
});

test("a move that is not confirmed is shown where it was let go", () => {
  const cards = [card("a", "todo", "a"), card("b", "todo", "b"), card("c", "todo", "c")];
  expect(ids(arrange(cards, [{ id: "c", to: "todo", before: "a" }]).todo)).toEqual(["c", "a", "b"]);
  expect(ids(arrange(cards, [{ id: "a", to: "todo", before: null }]).todo)).toEqual(["b", "c", "a"]);
  const moved = arrange(cards, [{ id: "a", to: "done", before: null }]);
  expect([ids(moved.todo), ids(moved.done), moved.done[0]?.state]).toEqual([["b", "c"], ["a"], "done"]);
});

test("in front of a card that is gone means at the end", () => {
  const cards = [card("a", "todo", "a"), card("b", "todo", "b")];
  expect(ids(arrange(cards, [{ id: "a", to: "todo", before: "gone" }]).todo)).toEqual(["b", "a"]);
});

test("only agents put a card in progress, and only review leads to done", () => {
  expect(mayMove("todo", "in-progress")).toBe(false);
  expect(mayMove("review", "done")).toBe(true);
  expect(mayMove("todo", "done")).toBe(false);
});

test("the columns of all projects are counted together, and archived cards are not", () => {
  expect(totals([{ todo: 2, done: 1, archived: 9 }, { todo: 3 }])).toEqual({ todo: 5, "in-progress": 0, review: 0, done: 1, failed: 0 });
});

test("a list that holds the very same things is the one that was there", () => {
  const [one, other] = [{}, {}];
  const before = [one, other];
  expect(sameOrNew(before, [one, other])).toBe(before);
  expect(sameOrNew(before, [other, one])).not.toBe(before);
  expect(sameOrNew(before, [one])).toEqual([one]);
});
