import { expect, test } from "vitest";
import { paired, parse } from "./patch";

const PATCH = `diff --git a/src/app.py b/src/app.py
index 111..222 100644
--- a/src/app.py
+++ b/src/app.py
@@ -1,4 +1,5 @@ def main():
 one
-two
-three
+TWO
+more
+and more
 four
\\ No newline at end of file
diff --git a/logo.png b/logo.png
new file mode 100644
index 000..333
Binary files /dev/null and b/logo.png differ
diff --git "a/na\\303\\257ve \\"x\\".md" "b/na\\303\\257ve \\"x\\".md"
--- /dev/null
+++ "b/na\\303\\257ve \\"x\\".md"
@@ -0,0 +1 @@
+--- not a header
diff --git a/old name.txt b/new name.txt
similarity index 100%
rename from old name.txt
rename to new name.txt
`;

test("a patch falls into files, hunks and numbered lines", () => {
  const [app, logo, odd, renamed] = parse(PATCH);
  expect(app?.path).toBe("src/app.py");
  expect(app?.hunks[0]?.heading).toBe("def main():");
  expect(app?.hunks[0]?.lines.map((one) => [one.kind, one.before, one.after, one.text])).toEqual([
    ["same", 1, 1, "one"],
    ["removed", 2, null, "two"],
    ["removed", 3, null, "three"],
    ["added", null, 2, "TWO"],
    ["added", null, 3, "more"],
    ["added", null, 4, "and more"],
    ["same", 4, 5, "four"],
  ]);
  expect(logo).toEqual({ path: "logo.png", hunks: [] });
  expect(odd?.path).toBe('naïve "x".md');
  expect(odd?.hunks[0]?.lines[0]?.text).toBe("--- not a header");
  expect(renamed).toEqual({ path: "new name.txt", hunks: [] });
});

test("what was removed stands beside what took its place", () => {
  const lines = parse(PATCH)[0]?.hunks[0]?.lines ?? [];
  const rows = paired(lines).map(({ left, right }) => [left?.text ?? null, right?.text ?? null]);
  expect(rows).toEqual([
    ["one", "one"],
    ["two", "TWO"],
    ["three", "more"],
    [null, "and more"],
    ["four", "four"],
  ]);
});
