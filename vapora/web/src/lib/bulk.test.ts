import { expect, it } from "vitest";
import { between, forEach, summary } from "./bulk";

it("does no more than so many at once, and keeps the order", async () => {
  let busy = 0;
  let most = 0;
  const found = await forEach([3, 1, 2, 5], async (one) => {
    most = Math.max(most, ++busy);
    for (let turn = 0; turn < one; turn += 1) await Promise.resolve();
    busy -= 1;
    return one * 2;
  }, 2);
  expect(found).toEqual([6, 2, 4, 10]);
  expect(most).toBe(2);
});

it("says how many were done, or which were refused and why", () => {
  const good = { title: "A", reason: "" };
  expect(summary([good], "archived").text).toBe("1 card archived.");
  const told = summary([good, ...["B", "C", "D", "E"].map((title) => ({ title, reason: "It runs." }))], "archived");
  expect(told.text).toBe("4 of 5 cards not archived.");
  expect(told.more).toBe("“B”: It runs. “C”: It runs. “D”: It runs. And 1 more.");
});

it("chooses all between two cards, in either direction", () => {
  expect(between(["a", "b", "c"], "c", "a")).toEqual(["a", "b", "c"]);
  expect(between(["a", "b", "c"], "gone", "b")).toEqual(["b"]);
  expect(between(["a", "b", "c"], null, "b")).toEqual(["b"]);
});
