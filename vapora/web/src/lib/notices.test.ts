import { expect, it } from "vitest";
import type { Card } from "../api/types";
import { told } from "./notices";

const card = (title: string, state: string) => ({ title, state }) as Card;

it("says one sentence for each state, and names a card that is alone", () => {
  expect(told([card("One", "review"), card("Two", "failed"), card("Three", "failed")])).toEqual([
    "“One” waits for your review.",
    "2 cards have failed.",
  ]);
  expect(told([])).toEqual([]);
});
