/** Where one signs in, and from where one comes back to where one was. */
import { useEffect, useState } from "preact/hooks";
import { data, GET, POST } from "../api/client";
import type { SignInStatus } from "../api/types";
import { ApiError } from "../api/error";
import { useForm } from "../lib/form";
import { wayBack } from "../lib/links";
import { take } from "../state/session";
import { Field, Outside, Refused } from "../ui/outside";

const SAID: Record<string, string> = {
  ended: "Your session has ended. Sign in again to go on where you were.",
  out: "You are signed out.",
};

/** Loaded anew: nothing of who was here before stays in memory. */
export const goBack = (): void => location.replace(wayBack(location.search, location.origin));

/** What a provider of OpenID Connect sent the browser back with; taken out of the address bar. */
const CAME_BACK = /^#(code|error)=(.+)$/;
const BACK = "vapora.back";

async function comeBack(): Promise<string> {
  const [, kind = "", value = ""] = CAME_BACK.exec(location.hash) ?? [];
  if (!kind) return "";
  const back = sessionStorage.getItem(BACK) ?? "";
  // Whoever was not let in may try another way, and still comes back to where they were.
  history.replaceState(history.state, "", location.pathname + back);
  if (kind === "error") return decodeURIComponent(value);
  try {
    take((await data(POST("/api/v1/auth/openid/redeem", { body: { code: value } }))) as never);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return [error.message, error.remedy].filter(Boolean).join(" ");
  }
  sessionStorage.removeItem(BACK);
  location.replace(wayBack(back, location.origin));
  return "";
}

export function SignInPage() {
  const [status, setStatus] = useState<SignInStatus | null>(null);
  const [unreached, setUnreached] = useState("");
  const why = new URLSearchParams(location.search).get("why") ?? "";
  useEffect(() => {
    void comeBack().then(setUnreached);
    data(GET("/api/v1/auth/status")).then(
      (found) => setStatus(found as SignInStatus),
      (error: unknown) => setUnreached(error instanceof ApiError ? error.message : String(error)),
    );
  }, []);
  return (
    <Outside heading="Sign in">
      {SAID[why] && <p role="status">{SAID[why]}</p>}
      <Refused text={unreached} />
      {status?.sign_in && !status.set_up && <p>Nobody has an account here yet. Open the address that `vapora up` printed: it makes you the owner.</p>}
      {status && !status.sign_in && (
        <p>
          Nobody has to sign in here. Go to the <a href="/">board</a>.
        </p>
      )}
      {(!status || (status.sign_in && status.set_up)) && <SignInForm />}
      {status?.openid && (
        <button
          class="btn"
          onClick={() => {
            sessionStorage.setItem(BACK, location.search);
            location.assign("/api/v1/auth/openid/start");
          }}
        >
          Sign in with your organisation
        </button>
      )}
    </Outside>
  );
}

function SignInForm() {
  const { busy, problem, submit } = useForm(async (filled) => {
    take((await data(POST("/api/v1/auth/login", { body: { email: filled("email"), password: filled("password") } }))) as never);
    goBack();
  });
  return (
    <form class="flex flex-col gap-3" onSubmit={submit}>
      <Field label="E-mail" name="email" type="email" autocomplete="username" focus />
      <Field label="Password" name="password" type="password" autocomplete="current-password" />
      <Refused text={problem} />
      <button class="btn-main" disabled={busy}>
        {busy ? "Signing in…" : "Sign in"}
      </button>
      <p class="muted">Password forgotten? An administrator of this installation sets you another one.</p>
    </form>
  );
}
