/** The one place that speaks HTTP: typed by the server's own OpenAPI document. */
import createClient, { type Middleware } from "openapi-fetch";
import { within } from "../lib/links";
import { isSignedIn, leave, token } from "../state/session";
import { ApiError, problemOf } from "./error";
import type { paths } from "./schema";
import type { Problem } from "./types";

export { ApiError };

export const workspace = new URLSearchParams(location.search).get("w") || "default";
/** A link to another page of this workspace. */
export const link = (to: string): string => within(workspace, to);

const SLOW_MS = 30_000;
// A tool may take as long as its server has leave to.
const CALL_MS = 3_600_000;


async function send(request: Request, authorization: string): Promise<Response> {
  if (authorization) request.headers.set("Authorization", `Bearer ${authorization}`);
  try {
    return await fetch(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(request.url.endsWith("/call") ? CALL_MS : SLOW_MS)]) });
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw new ApiError(0, "no-answer", "The server does not answer.", "Is `vapora up` still running?");
  }
}

async function authorised(request: Request): Promise<Response> {
  const wasIn = isSignedIn();
  const first = await token();
  const answer = await send(request.clone(), first);
  if (answer.status !== 401 || !(await isUnknown(answer))) return answer;
  // Nothing was done. Where the session goes on, the request is sent once more.
  const next = wasIn ? await token(first) : "";
  if (next && next !== first) return send(request, next);
  // The page is on its way out: who waits for this answer has nothing more to say.
  return leave(wasIn ? "ended" : "needed") ? new Promise(() => undefined) : answer;
}

/** The server does not know who asks; what only the operator may do is refused in another word. */
async function isUnknown(answer: Response): Promise<boolean> {
  const said = (await answer.clone().json().catch(() => ({}))) as Partial<Problem>;
  return said.code === "unauthenticated";
}

const raise: Middleware = {
  onRequest({ request }) {
    if (workspace !== "default") request.headers.set("Vapora-Workspace", workspace);
    return request;
  },
  async onResponse({ response }) {
    if (!response.ok) throw await problemOf(response);
  },
};

const client = createClient<paths>({ baseUrl: location.origin, fetch: authorised });
client.use(raise);
export const { GET, POST, PUT, PATCH, DELETE } = client;

/** The body of an answer that is known to be good, since every other one was thrown. */
export async function data<T>(answer: Promise<{ data?: T }>): Promise<T> {
  return (await answer).data as T;
}

/** A key for one press of a button: sending it again changes nothing twice. */
export function requestKey(): { "Idempotency-Key": string } {
  // Not `randomUUID`: a page that came over plain HTTP from another machine has none.
  const random = crypto.getRandomValues(new Uint8Array(16));
  return { "Idempotency-Key": Array.from(random, (one) => one.toString(16).padStart(2, "0")).join("") };
}
