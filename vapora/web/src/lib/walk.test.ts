import { expect, test } from "vitest";
import { said, spots, stepped } from "./walk";

const nodes = [
  { name: "task:1", distance: 0 },
  { name: "run:a", distance: 1 },
  { name: "run:b", distance: 1 },
  { name: "agent:x", distance: 2 },
  { name: "agent:y", distance: 2 },
];
const edges = [
  { source: "run:a", kind: "worked-on", target: "task:1" },
  { source: "run:b", kind: "worked-on", target: "task:1" },
  { source: "run:b", kind: "done-by", target: "agent:x" },
  { source: "run:a", kind: "done-by", target: "agent:y" },
];

test("each node stands in the column of its distance, beside what it hangs together with", () => {
  const at = spots(nodes, edges);
  expect(at.get("task:1")).toEqual({ column: 0, row: 0 });
  expect(at.get("run:b")).toEqual({ column: 1, row: 1 });
  expect(at.get("agent:y")).toEqual({ column: 2, row: 0 });
  expect(at.get("agent:x")).toEqual({ column: 2, row: 1 });
});

test("arrow keys lead to the next column and along it, and nowhere from the edge", () => {
  const at = spots(nodes, edges);
  expect(stepped("task:1", "ArrowRight", at)).toBe("run:a");
  expect(stepped("run:a", "ArrowDown", at)).toBe("run:b");
  expect(stepped("run:b", "ArrowDown", at)).toBeNull();
  expect(stepped("agent:x", "ArrowLeft", at)).toBe("run:b");
  expect(stepped("task:1", "ArrowLeft", at)).toBeNull();
  expect(stepped("task:1", "x", at)).toBeNull();
});

test("what is said of a node are its edges, in both directions", () => {
  expect(said("run:b", edges).map(({ kind }) => kind)).toEqual(["worked-on", "done-by"]);
});
