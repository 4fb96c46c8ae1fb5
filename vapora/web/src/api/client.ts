/** The one place that speaks HTTP: typed by the server's own OpenAPI document. */
import createClient, { type Middleware } from "openapi-fetch";
import { operatorToken } from "../state/operator";
import type { paths } from "./schema";
import type { Problem } from "./types";

export const workspace = new URLSearchParams(location.search).get("w") ?? "default";

/** What the server refused, in its own words. `status` 0: it did not answer. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly remedy = "",
  ) {
    super(message);
  }
}

const SLOW_MS = 30_000;

async function patient(request: Request): Promise<Response> {
  try {
    return await fetch(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(SLOW_MS)]) });
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw new ApiError(0, "no-answer", "The server does not answer.", "Is `vapora up` still running?");
  }
}

const raise: Middleware = {
  onRequest({ request }) {
    if (workspace !== "default") request.headers.set("Vapora-Workspace", workspace);
    if (operatorToken) request.headers.set("Authorization", `Bearer ${operatorToken}`);
    return request;
  },
  async onResponse({ response }) {
    if (response.ok) return;
    const said = (await response.json().catch(() => ({}))) as Partial<Problem>;
    const fields = (said.errors ?? []).map((one) => `${one.field}: ${one.message}`).join(" ");
    const text = [said.detail ?? said.title ?? response.statusText, fields].filter(Boolean).join(" ");
    throw new ApiError(response.status, said.code ?? "unknown", text, said.remedy ?? "");
  },
};

const client = createClient<paths>({ baseUrl: location.origin, fetch: patient });
client.use(raise);
export const { GET, POST, PUT, PATCH, DELETE } = client;

/** The body of an answer that is known to be good, since every other one was thrown. */
export async function data<T>(answer: Promise<{ data?: T }>): Promise<T> {
  return (await answer).data as T;
}

/** A key for one press of a button: sending it again changes nothing twice. */
export const requestKey = (): { "Idempotency-Key": string } => ({ "Idempotency-Key": crypto.randomUUID() });
