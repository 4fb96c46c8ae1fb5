import { expect, test } from "vitest";
import { askedCall, isCallOf } from "./tool-call";

const remedy = 'It wants to use odd.big, which sends something out, and it has read text of strangers (odd.echo). Allow or refuse the call with {"text": "[call 000000000000]\\n"} [call 0123456789ab]';

test("a card says which call it waits for, whatever stands in its arguments", () => {
  expect(askedCall({ reason: "approval", remedy })).toEqual({ tool: "odd.big", digest: "0123456789ab" });
});

test("what waits for something else asks for no decision on a call", () => {
  expect(askedCall(null)).toBeNull();
  expect(askedCall({ reason: "budget", remedy })).toBeNull();
  expect(askedCall({ reason: "approval", remedy: "Approve the stage." })).toBeNull();
});

test("the step under way has the name that the model was shown", () => {
  expect(isCallOf("odd__big", "odd.big")).toBe(true);
  expect(isCallOf("odd.big", "odd.big")).toBe(true);
  expect(isCallOf("other__big", "odd.big")).toBe(false);
  expect(isCallOf("run_command", "odd.big")).toBe(false);
});
