/** The first owner: by the one-time link of the first start. */
import { useMemo } from "preact/hooks";
import { data, POST } from "../api/client";
import { useForm } from "../lib/form";
import { linkToken, linkUsed } from "../lib/link-token";
import { take } from "../state/session";
import { Field, NewPassword, Outside, Refused } from "../ui/outside";

export function SetUpPage() {
  const token = useMemo(() => linkToken("setup"), []);
  const { busy, problem, submit } = useForm(async (filled) => {
    const body = { token, email: filled("email"), name: filled("name"), password: filled("password") };
    take((await data(POST("/api/v1/auth/setup", { body }))) as never);
    linkUsed("setup");
    location.replace("/");
  });
  return (
    <Outside heading="Become the owner">
      {!token ? (
        <p>Open the whole address that `vapora up` printed, with all that stands behind the #.</p>
      ) : (
        <form class="flex flex-col gap-3" onSubmit={submit}>
          <p class="muted">You look after this installation from then on, and everybody has to sign in.</p>
          <Field label="Your name" name="name" autocomplete="name" focus />
          <Field label="E-mail" name="email" type="email" autocomplete="username" />
          <NewPassword />
          <Refused text={problem} />
          <button class="btn-main" disabled={busy}>
            Create the account
          </button>
        </form>
      )}
    </Outside>
  );
}
