import { expect, test } from "vitest";
import { linesOf, pairsOf, shownPairs, wordsOf } from "./lines";

test("lists and pairs are read one a line", () => {
  expect(linesOf(" a b \n\n--c=1\n")).toEqual(["a b", "--c=1"]);
  expect(wordsOf("a, b\nc")).toEqual(["a", "b", "c"]);
  expect(pairsOf("A=1\nB = x=y", "Variables")).toEqual({ A: "1", B: "x=y" });
  expect(shownPairs({ A: "1", B: "x=y" })).toBe("A=1\nB=x=y");
  expect(() => pairsOf("A", "Variables")).toThrow("Variables: “A” is not NAME=VALUE.");
});
