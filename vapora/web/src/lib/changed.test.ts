import { expect, test } from "vitest";
import { changed } from "./changed";

test("only what was changed is sent", () => {
  expect(changed({ name: "One", limit: null, review: "human" }, { name: "Two", limit: null, review: "human" })).toEqual({ name: "Two" });
});

test("a field that was not there is empty", () => {
  expect(changed<{ limit: number | null }>({}, { limit: null })).toEqual({});
  expect(changed<{ limit: number | null }>({}, { limit: 3 })).toEqual({ limit: 3 });
  expect(changed<{ limit: number | null }>({ limit: 3 }, { limit: null })).toEqual({ limit: null });
});
