/** Oneself: the password, and the ways out. */
import { data, POST } from "../../api/client";
import { useForm } from "../../lib/form";
import { useConnection } from "../../lib/use-data";
import { me } from "../../state/me";
import { signOut } from "../../state/session";
import { refused, tell } from "../../state/toasts";
import { Field, NewPassword, Refused } from "../../ui/outside";
import { Panel } from "../../ui/page";
import { SettingsPageFrame } from "../../ui/settings-page";

export function ProfilePage() {
  useConnection();
  const who = me.value;
  return (
    <SettingsPageFrame heading="Profile" path="/settings/profile">
      {who && (
        <Panel heading={who.kind === "user" ? who.name : "Nobody is signed in"}>
          {who.kind === "user" ? (
            <>
              <p class="text-sm">
                {who.email}
                {who.administrator && <span class="tag ml-2">administrator</span>}
              </p>
              <ul class="m-0 pl-5 text-sm">
                {(who.workspaces ?? []).map((one) => (
                  <li key={one.workspace_id}>
                    {one.role} of {one.name || one.workspace_id}
                  </li>
                ))}
              </ul>
            </>
          ) : who.kind === "operator" ? (
            <p class="text-sm">This page was opened with the operator's token, which may do everything here.</p>
          ) : (
            <p class="text-sm">While there is no owner, everybody at this machine may use VAPORA.</p>
          )}
          {who.kind !== "local" && <SigningOut user={who.kind === "user"} />}
        </Panel>
      )}
      {who?.kind === "user" && <Password />}
    </SettingsPageFrame>
  );
}

function SigningOut({ user }: { user: boolean }) {
  const out = (everywhere: boolean) => () => void signOut(everywhere).catch((error: unknown) => refused(error, "Not signed out"));
  return (
    <div class="flex flex-wrap gap-2">
      <button class="btn" onClick={out(false)}>
        Sign out
      </button>
      {user && (
        <button class="btn" onClick={out(true)}>
          Sign out everywhere
        </button>
      )}
    </div>
  );
}

function Password() {
  const { busy, problem, submit } = useForm(async (filled, form) => {
    await data(POST("/api/v1/auth/password", { body: { current: filled("current"), password: filled("password") } }));
    form.reset();
    tell("Your password is changed. Your other sessions have ended.");
  });
  return (
    <Panel heading="Password">
      <form class="flex flex-col gap-3 max-w-100" onSubmit={submit}>
        <Field label="Present password" name="current" type="password" autocomplete="current-password" />
        <NewPassword label="New password" />
        <Refused text={problem} />
        <button class="btn-main self-start" disabled={busy}>
          Change the password
        </button>
      </form>
    </Panel>
  );
}
