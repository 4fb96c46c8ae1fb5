import { expect, it } from "vitest";
import type { Card, Frame } from "../api/types";
import { entered, told } from "./notices";

const card = (title: string, state: string) => ({ title, state }) as Card;

it("says one sentence for each state, and names a card that is alone", () => {
  expect(told([card("One", "review"), card("Two", "failed"), card("Three", "failed")])).toEqual([
    "“One” waits for your review.",
    "2 cards have failed.",
  ]);
  expect(told([])).toEqual([]);
});

it("knows by the counts of the columns whether a card came to where it is", () => {
  const at = { project_id: "p", state: "review" } as Card;
  const frame = (...columns: [project: string, state: string][]) =>
    ({ position: 1, rows: [{ view: "task", row: at }, ...columns.map(([project_id, state]) => ({ view: "column", row: { project_id, state } }))] }) as unknown as Frame;
  expect(entered(frame(["p", "in-progress"], ["p", "review"]), at)).toBe(true);
  expect(entered(frame(), at)).toBe(false);
  expect(entered(frame(["other", "review"]), at)).toBe(false);
});
