import { expect, test } from "vitest";
import { safeLink } from "./safe-link";

test.each(["https://example.com/a", "http://example.com", "mailto:a@example.com", "/t/task-1", "#usage", "docs/a.md"])("%s is a link", (url) => {
  expect(safeLink(url)).toBe(url);
});

test.each(["javascript:alert(1)", " JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "//evil.example", "/\\evil.example", "\\\\evil"])("%s leads nowhere", (url) => {
  expect(safeLink(url)).toBeNull();
});
