/** The operator's token: it comes with the address that `vapora up` prints, behind the `#`, which no server is sent. It is
 * for who has no account here; who is signed in does not need it. */
import { signal } from "@preact/signals";

const KEY = "vapora.operator_token";
const FRAGMENT = /^#token=([\w-]+)$/;

function taken(): string {
  const given = FRAGMENT.exec(location.hash)?.[1];
  if (!given) return sessionStorage.getItem(KEY) ?? "";
  sessionStorage.setItem(KEY, given);
  // Out of the address bar, where it would be copied along with the address of a card.
  history.replaceState(history.state, "", location.pathname + location.search);
  return given;
}

/** Empty: this page was not opened by the operator's address. */
export const operatorToken = signal(taken());

export function forgetOperator(): void {
  sessionStorage.removeItem(KEY);
  operatorToken.value = "";
}
