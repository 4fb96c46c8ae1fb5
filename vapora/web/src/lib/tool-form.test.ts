import { expect, test } from "vitest";
import { argumentsOf, fieldsOf, objectOf } from "./tool-form";

const SCHEMA = {
  type: "object",
  properties: {
    text: { type: "string", description: "What to say." },
    size: { type: "integer" },
    share: { type: "number", default: 0.5 },
    loud: { type: "boolean" },
    unit: { type: "string", enum: ["m", "km"] },
    tags: { type: "array" },
  },
  required: ["text", "size", "loud"],
};
const filled = (values: Record<string, string>) => (name: string) => values[name] ?? "";

test("fields are made from the schema, and what is no plain value is written as JSON", () => {
  const fields = fieldsOf(SCHEMA) ?? [];
  expect(fields.map((one) => one.kind)).toEqual(["string", "integer", "number", "boolean", "choice", "json"]);
  expect(fields.map((one) => one.required)).toEqual([true, true, false, true, false, false]);
  expect(fields[0]?.description).toBe("What to say.");
  expect(fields[2]?.initial).toBe("0.5");
  expect(fieldsOf({ type: "object" })).toEqual([]);
  expect(fieldsOf({ anyOf: [] })).toBeNull();
});

test("what was filled in becomes arguments of the right types", () => {
  const fields = fieldsOf(SCHEMA) ?? [];
  expect(argumentsOf(fields, filled({ text: "12", size: "3", unit: "km", tags: "[1]" }))).toEqual({ text: "12", size: 3, loud: false, unit: "km", tags: [1] });
  expect(argumentsOf(fields, filled({ size: "0", loud: "true" }))).toEqual({ text: "", size: 0, loud: true });
});

test("what does not fit is told with its name", () => {
  const fields = fieldsOf(SCHEMA) ?? [];
  expect(() => argumentsOf(fields, filled({ text: "a" }))).toThrow("size is missing");
  expect(() => argumentsOf(fields, filled({ size: "1.5" }))).toThrow("size is no whole number");
  expect(() => argumentsOf(fields, filled({ size: "1", tags: "[" }))).toThrow("tags is no JSON");
  expect(() => objectOf("[]", "It")).toThrow("no JSON object");
});
