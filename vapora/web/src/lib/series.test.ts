import { expect, it } from "vitest";
import { oneKind, stacked } from "./series";

it("puts each line on top of those before it, and takes a gap for nothing", () => {
  expect(stacked([{ label: "a", values: [1, 2] }, { label: "b", values: [3, null] }])).toEqual([[1, 2], [4, 2]]);
  expect(stacked([])).toEqual([]);
});

it("never adds simulated money to real money", () => {
  const real = { key: {}, cost_microusd: 1, simulated: false };
  const simulated = { key: {}, cost_microusd: 2, simulated: true };
  expect(oneKind([simulated, real])).toEqual({ rows: [real], simulated: false });
  expect(oneKind([simulated])).toEqual({ rows: [simulated], simulated: true });
  expect(oneKind([])).toEqual({ rows: [], simulated: false });
});
