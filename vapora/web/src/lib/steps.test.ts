import { expect, test } from "vitest";
import type { Change, Step } from "../api/types";
import { justBefore, latest, merged } from "./steps";

const step = (id: string, cursor: string, position: number, more: Partial<Step> = {}): Step =>
  ({ id, cursor, position, run_id: "r", state: "done", result: "text", ...more }) as Step;

const change = (id: string, cursor: string, position: number, more: Partial<Step> & { operation?: string } = {}): Change => {
  const { operation = "put", ...fields } = more;
  return { view: "step", key: `r/${id}`, operation, row: step(`r/${id}`, cursor, position, { result: null, ...fields }) } as Change;
};

test("a frame replaces the step that it is about, and adds one that is new, in the order of the list", () => {
  const read = [step("a", "5.0", 5), step("b", "9.1", 9, { state: "running" })];
  const shown = merged(read, [change("c", "9.2", 12, { state: "running" }), change("b", "9.1", 13), change("d", "10.0", 14)]);
  expect(shown.map((one) => [one.id, one.state, Boolean(one.bare)])).toEqual([
    ["a", "done", false],
    ["b", "done", true],
    ["c", "running", true],
    ["d", "done", true],
  ]);
});

test("what was read later than a frame stays, texts and all", () => {
  expect(merged([step("a", "5.0", 20)], [change("a", "5.0", 12, { state: "running" })])[0]?.result).toBe("text");
});

test("a step that was never one is gone", () => {
  expect(merged([step("a", "5.0", 5)], [change("a", "5.0", 6, { operation: "remove" })])).toEqual([]);
});

test("of each step only the newest change is kept", () => {
  const changes = latest([change("a", "5.0", 6), change("b", "7.0", 7), change("a", "5.0", 8)]);
  expect(changes.map((one) => one.row.position)).toEqual([8, 7]);
});

test("the page after what stands just before a step begins with it", () => {
  expect([justBefore("9.2"), justBefore("9.0"), justBefore("0.0")]).toEqual(["9.1", "8.999999", "0.999999"]);
});
