import { expect, test } from "vitest";
import { placeOf } from "./place";

test("the line that a sentence names is the one that is marked", () => {
  const text = "permit (\n  principal,\n);";
  expect(placeOf("unexpected token at line 2, column 3", text)).toEqual([9, 21]);
  expect(placeOf("At line 3: …", text)).toEqual([22, 24]);
  expect(placeOf("line 9", text)).toBeNull();
  expect(placeOf("The schema knows no such action.", text)).toBeNull();
});
