import { expect, test } from "vitest";
import { wayBack, within } from "./links";

test("a link within a workspace names it, and the default one is not named", () => {
  expect(within("default", "/agents?x=1")).toBe("/agents?x=1");
  expect(within("acme", "/agents")).toBe("/agents?w=acme");
  expect(within("acme", "/?at=5&w=old")).toBe("/?at=5&w=acme");
});

test("the way back after signing in leads to a page of this server alone", () => {
  const from = (back: string) => wayBack(`?back=${encodeURIComponent(back)}`, "https://here.example");
  expect(from("/t/task-1?w=acme#x")).toBe("/t/task-1?w=acme#x");
  for (const evil of ["https://evil.example/", "//evil.example/x", "/\\evil.example", "javascript:alert(1)", "evil"]) {
    expect(from(evil)).toBe("/");
  }
  expect(wayBack("", "https://here.example")).toBe("/");
});
