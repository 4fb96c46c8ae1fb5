/** The operator's token: it comes with the address that `vapora up` prints, behind the `#`, which no server is sent. The
 *  browser that `vapora up --open` has opened is given a code instead, which it exchanges for the token once. It is for
 *  who has no account here: who is signed in asks as themselves. */
import { signal } from "@preact/signals";

const KEY = "vapora.operator_token";
const FRAGMENT = /^#(token|code)=([\w-]+)$/;

// The page where one signs in gets a code of another kind.
const given = location.pathname === "/sign-in" ? null : FRAGMENT.exec(location.hash);
if (given?.[1] === "token") sessionStorage.setItem(KEY, given[2] ?? "");
// Out of the address bar, where it would be copied along with the address of a card.
if (given) history.replaceState(history.state, "", location.pathname + location.search);

/** Empty: this page was not opened by the operator's address. */
export const operatorToken = signal(sessionStorage.getItem(KEY) ?? "");

/** Why there is no token after all; empty where nothing is wrong. */
async function redeem(): Promise<string> {
  if (given?.[1] !== "code") return "";
  const answer = await fetch("/api/v1/operator/redeem", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ code: given[2] }),
  }).catch(() => null);
  const said = (await answer?.json().catch(() => null)) as { token?: string; detail?: string } | null;
  if (!said?.token) return said?.detail ?? "The server does not answer.";
  operatorToken.value = said.token;
  sessionStorage.setItem(KEY, operatorToken.value);
  return "";
}

/** Waited for before anything is asked or shown. */
export const redeemed = redeem();

export function forgetOperator(): void {
  sessionStorage.removeItem(KEY);
  operatorToken.value = "";
}
