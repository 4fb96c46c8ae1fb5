/** An invitation: taken by who is signed in, or with a new account. */
import { useMemo, useState } from "preact/hooks";
import { data, POST } from "../api/client";
import { useForm } from "../lib/form";
import { linkToken, linkUsed } from "../lib/link-token";
import { isSignedIn, take } from "../state/session";
import { Field, NewPassword, Outside, Refused } from "../ui/outside";

export function AcceptPage() {
  const token = useMemo(() => linkToken("accept"), []);
  const [known] = useState(isSignedIn());
  const { busy, problem, submit } = useForm(async (filled) => {
    const body = known ? { token } : { token, name: filled("name"), password: filled("password") };
    const tokens = await data(POST("/api/v1/auth/accept", { body: body as never }));
    if (!known) take(tokens as never);
    linkUsed("accept");
    location.replace("/");
  });
  return (
    <Outside heading="Accept the invitation">
      {!token ? (
        <p>Open the whole link that you were sent, with all that stands behind the #.</p>
      ) : (
        <form class="flex flex-col gap-3" onSubmit={submit}>
          {known ? (
            <p class="muted">With the account that you are signed in with.</p>
          ) : (
            <>
              <Field label="Your name" name="name" autocomplete="name" focus />
              <NewPassword />
            </>
          )}
          <Refused text={problem} />
          <button class="btn-main" disabled={busy}>
            {known ? "Accept" : "Accept and create the account"}
          </button>
          {!known && (
            <p class="muted">
              You have an account already? <a href="/sign-in?back=/accept">Sign in</a> first.
            </p>
          )}
        </form>
      )}
    </Outside>
  );
}
