/** Who is signed in on this browser. The access token lives in this tab's memory, the refresh token in the storage of
 * this origin, where other tabs find it: see docs/adr/0015-identity.md. */
import { ApiError, problemOf } from "../api/error";
import { forgetOperator, operatorToken, redeemed } from "./operator";

interface Tokens {
  access_token: string;
  refresh_token: string;
  expires_in: number;
}
type News = { access: string; until: number } | "ended";

const KEY = "vapora.refresh_token";
const NAME = "vapora.session";
const EARLY_MS = 60_000;
/** How long another tab's news are waited for, once its new refresh token has been seen. */
const NEWS_MS = 300;
/** Pages for who is not signed in: nothing leads away from them. */
export const OUTSIDE: readonly string[] = ["/sign-in", "/setup", "/accept"];

let access = "";
let until = 0;
let timer = 0;
let leaving = false;
const channel = new BroadcastChannel(NAME);
const listeners = new Set<(token: string) => void>();

/** Called with each new access token. */
export function onToken(listener: (token: string) => void): void {
  listeners.add(listener);
}

export const isSignedIn = (): boolean => stored() !== null;

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    // A browser that keeps nothing: one has to sign in with each visit.
    return null;
  }
}

const isGood = (refused: string): boolean => access !== "" && access !== refused && Date.now() < until;

/** What a request carries; renewed where it is about to expire, or where the server has just `refused` it. Empty: nobody
 * is signed in. */
export async function token(refused = ""): Promise<string> {
  if (!isSignedIn()) {
    await redeemed;
    return operatorToken.value;
  }
  if (isGood(refused)) return access;
  const seen = stored();
  const renew = () => renewed(refused, seen);
  // Without locks (a page that came over plain HTTP) two tabs may renew at once; the server takes that for 10 s.
  return "locks" in navigator ? navigator.locks.request(NAME, renew) : renew();
}

async function renewed(refused: string, seen: string | null): Promise<string> {
  if (stored() !== seen) await news();
  if (isGood(refused)) return access;
  const refresh = stored();
  if (refresh === null) return "";
  const answer = await ask("refresh", { refresh_token: refresh });
  if (answer.status === 401) {
    forget();
    return "";
  }
  if (!answer.ok) throw await problemOf(answer);
  take((await answer.json()) as Tokens);
  return access;
}

function news(): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(late);
      channel.removeEventListener("message", done);
      resolve();
    };
    const late = setTimeout(done, NEWS_MS);
    channel.addEventListener("message", done);
  });
}

async function ask(what: string, body: object): Promise<Response> {
  try {
    return await fetch(`/api/v1/auth/${what}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    });
  } catch {
    throw new ApiError(0, "no-answer", "The server does not answer.", "Is `vapora up` still running?");
  }
}

/** Signed in, or renewed. */
export function take(tokens: Tokens): void {
  const life = tokens.expires_in * 1_000;
  keep(tokens.access_token, Date.now() + Math.max(life - EARLY_MS, life / 2));
  localStorage.setItem(KEY, tokens.refresh_token);
  channel.postMessage({ access, until } satisfies News);
}

function keep(token: string, end: number): void {
  access = token;
  until = end;
  for (const listener of listeners) listener(token);
  clearTimeout(timer);
  // Renewed ahead, so that no click waits for it. A tab in the background may come later: then a request does it.
  timer = window.setTimeout(() => void renewSoon(), Math.max(0, until - Date.now()));
}

async function renewSoon(): Promise<void> {
  try {
    if ((await token()) === "") leave("ended");
  } catch {
    // Not reached: the next request tries again, and the header says that the server is away.
  }
}

function forget(): void {
  access = "";
  until = 0;
  clearTimeout(timer);
  localStorage.removeItem(KEY);
  channel.postMessage("ended" satisfies News);
}

channel.addEventListener("message", ({ data }: MessageEvent<News>) => {
  if (data === "ended") {
    access = "";
    until = 0;
    clearTimeout(timer);
    leave("ended");
  } else keep(data.access, data.until);
});

/** End the session, here and in the other tabs; `everywhere`: on all of the person's devices. */
export async function signOut(everywhere: boolean): Promise<void> {
  forgetOperator();
  const refresh = stored();
  if (refresh !== null) {
    const answer = await ask("logout", { refresh_token: refresh, everywhere });
    if (!answer.ok && answer.status !== 401) throw await problemOf(answer);
    leaving = true;
    forget();
  }
  location.replace("/sign-in?why=out");
}

/** To the page where one signs in, and from there back to where one is. Once it has begun, nothing else counts. */
export function leave(why: "ended" | "needed"): boolean {
  if (OUTSIDE.includes(location.pathname)) return false;
  if (!leaving) {
    leaving = true;
    const back = location.pathname + location.search;
    location.replace(`/sign-in?${new URLSearchParams({ ...(why === "ended" ? { why } : {}), ...(back === "/" ? {} : { back }) })}`);
  }
  return true;
}
