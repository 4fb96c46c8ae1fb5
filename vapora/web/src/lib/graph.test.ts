import { expect, test } from "vitest";
import { edges, placed } from "./graph";

const node = (name: string, ...needs: string[]) => ({ name, needs });
const FEATURE = [node("design"), node("check", "design"), node("plan", "design", "check"), node("a", "plan"), node("b", "plan"), node("end", "a", "b")];

test("each box stands behind all that it needs", () => {
  expect(placed(FEATURE).map(({ node: { name }, column, row }) => [name, column, row])).toEqual([
    ["design", 0, 0],
    ["check", 1, 0],
    ["plan", 2, 0],
    ["a", 3, 0],
    ["b", 3, 1],
    ["end", 4, 0],
  ]);
});

test("a line that a longer way says already is not drawn", () => {
  expect(edges(FEATURE).map(({ from, to }) => `${from}-${to}`)).toEqual(["design-check", "check-plan", "plan-a", "plan-b", "a-end", "b-end"]);
});

test("rings and needs that are not there end", () => {
  expect(placed([node("a", "b"), node("b", "a"), node("c", "gone")]).length).toBe(3);
  expect(edges([node("a", "a", "gone")])).toEqual([{ from: "a", to: "a" }]);
});
