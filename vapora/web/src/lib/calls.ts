/** A model call as its event in the log tells it. Pure. */
import type { LogEvent } from "../api/types";

export interface Call {
  position: number;
  step: number;
  attempt: number;
  model: string;
  /** Null: not known. */
  tokensIn: number | null;
  tokensOut: number | null;
  /** In micro-dollars; null: not known from this event. */
  cost: number | null;
  ms: number | null;
  good: boolean;
  result: string;
}

interface Fields {
  step: number;
  attempt: number;
  provider?: string;
  model?: string;
  tokens?: { input: number; output: number };
  cost_microusd?: number;
  latency_ms?: number;
  usage_doubt?: string;
  finish?: string;
  finish_detail?: string;
  error?: string;
  message?: string;
  booked?: boolean;
}

const FINISHED: Record<string, string> = { stop: "answered", tool: "asked for tools", length: "cut off at the longest answer", refusal: "refused" };
const BOOKED = "the worst case was booked";

/** Null: an event that is about something else. */
export function callOf({ position, topic, event }: LogEvent): Call | null {
  const told = RESULTS[topic];
  if (!told) return null;
  const fields = event as unknown as Fields;
  const known = fields.tokens !== undefined && !fields.usage_doubt;
  return {
    position,
    step: fields.step,
    attempt: fields.attempt,
    model: [fields.provider, fields.model].filter(Boolean).join(" / "),
    tokensIn: known ? (fields.tokens?.input ?? null) : null,
    tokensOut: known ? (fields.tokens?.output ?? null) : null,
    cost: fields.cost_microusd ?? null,
    ms: fields.latency_ms ?? null,
    good: topic === "run.model-called" && known && (fields.finish === "stop" || fields.finish === "tool"),
    result: told(fields),
  };
}

const RESULTS: Record<string, (fields: Fields) => string> = {
  "run.model-called": ({ finish = "", finish_detail, usage_doubt }) =>
    [FINISHED[finish] ?? (finish_detail || finish), usage_doubt && `usage not known (${usage_doubt}): ${BOOKED}`].filter(Boolean).join("; "),
  "run.model-call-failed": ({ error, message, booked }) => [`${error}: ${message}`, booked && BOOKED].filter(Boolean).join("; "),
  "run.model-call-lost": () => `its answer was lost in a crash; ${BOOKED}`,
  "run.model-call-withdrawn": () => "not sent, nothing spent",
};
