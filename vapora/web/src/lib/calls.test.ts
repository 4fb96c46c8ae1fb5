import { expect, test } from "vitest";
import type { LogEvent } from "../api/types";
import { callOf } from "./calls";

const told = (topic: string, event: Record<string, unknown>) =>
  callOf({ position: 7, topic, event: { step: 0, attempt: 1, provider: "openai", model: "gpt", ...event } } as unknown as LogEvent);
const tokens = { input: 0, output: 0 };

test("usage in doubt is not shown as zero tokens, and says that the worst case was booked", () => {
  const call = told("run.model-called", { tokens, finish: "stop", usage_doubt: "no usage", cost_microusd: 9 });
  expect([call?.tokensIn, call?.cost, call?.good]).toEqual([null, 9, false]);
  expect(call?.result).toBe("answered; usage not known (no usage): the worst case was booked");
});

test("a failed call says why, and whether it may have cost something", () => {
  expect(told("run.model-call-failed", { error: "timeout", message: "30 s", booked: true })?.result).toBe("timeout: 30 s; the worst case was booked");
  expect(told("run.model-call-failed", { error: "rate-limit", message: "wait", booked: false })?.result).toBe("rate-limit: wait");
});

test("other events of the run are no calls", () => {
  expect(told("run.started", {})).toBe(null);
});
