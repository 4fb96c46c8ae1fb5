import { expect, test } from "vitest";
import type { FoundItem } from "../api/types";
import { grouped, opensSearch, stepped } from "./found";

const item = (kind: string, id: string) => ({ kind, id }) as FoundItem;

test("what was found stands in groups, in the order of their best items", () => {
  const found = grouped([item("comment", "a"), item("task", "b"), item("comment", "c")]);
  expect(found.map((one) => [one.name, one.items.map((of) => of.id)])).toEqual([
    ["Comments", ["a", "c"]],
    ["Tasks", ["b"]],
  ]);
  expect(grouped([])).toEqual([]);
});

test("arrow keys go round", () => {
  expect([stepped(-1, 1, 3), stepped(2, 1, 3), stepped(0, -1, 3), stepped(-1, -1, 3), stepped(0, 1, 0)]).toEqual([0, 0, 2, 2, -1]);
});

test("Ctrl-K opens the search anywhere, a slash only where nobody types", () => {
  const key = (of: string, more = {}) => ({ key: of, ctrlKey: false, metaKey: false, altKey: false, ...more });
  expect(opensSearch(key("k", { ctrlKey: true }), true)).toBe(true);
  expect(opensSearch(key("K", { metaKey: true }), true)).toBe(true);
  expect(opensSearch(key("/"), false)).toBe(true);
  expect(opensSearch(key("/"), true)).toBe(false);
  expect(opensSearch(key("k"), false)).toBe(false);
  expect(opensSearch(key("k", { ctrlKey: true, altKey: true }), false)).toBe(false);
});
