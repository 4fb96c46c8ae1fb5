/** Tokens of programs: made here, shown once, revoked here. */
import { useState } from "preact/hooks";
import { data, DELETE, GET, POST, requestKey, workspace } from "../../api/client";
import type { Token } from "../../api/types";
import { useForm } from "../../lib/form";
import { moment } from "../../lib/format";
import { useData } from "../../lib/use-data";
import { may } from "../../state/me";
import { preferences } from "../../state/preferences";
import { refused, tell } from "../../state/toasts";
import { Confirm } from "../../ui/confirm";
import { Dialog } from "../../ui/dialog";
import { Listing } from "../../ui/listing";
import { ShownOnce } from "../../ui/once";
import { Refused } from "../../ui/outside";
import { SettingsPageFrame } from "../../ui/settings-page";

const all = async () => ((await data(GET("/api/v1/tokens"))) as { items: Token[] }).items;

export function TokensPage() {
  const { value, problem, reload } = useData(all, []);
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState("");
  const [revoking, setRevoking] = useState<Token | null>(null);
  async function revoke(token: Token): Promise<void> {
    try {
      await DELETE("/api/v1/tokens/{token_id}", { params: { path: { token_id: token.id } } });
      tell(`${token.name} is revoked.`);
      reload();
    } catch (error) {
      refused(error, "Not revoked");
    }
  }
  return (
    <SettingsPageFrame
      heading="Tokens"
      path="/settings/tokens"
      aside={
        may("issue_token") && (
          <button class="btn-main" onClick={() => setMaking(true)}>
            New token
          </button>
        )
      }
    >
      <p class="muted">A token lets a program in without a password: as VAPORA_TOKEN, or in the header Authorization.</p>
      <Listing
        name="Tokens"
        columns={["Name", "May reach", "Good until"]}
        items={value}
        problem={problem}
        empty="There is no token yet. Make one for each program, so that each can be revoked alone."
        row={(one) => (
          <tr key={one.id}>
            <td dir="auto">{one.name}</td>
            <td class="font-mono break-all">{one.scopes.join(", ")}</td>
            <td>{one.expires_at ? moment(one.expires_at, preferences.value.zone || undefined) : "revoked"}</td>
            <td class="text-end">
              {may("revoke_token") && (
                <button class="btn-quiet !h-8" aria-label={`Revoke ${one.name}`} onClick={() => setRevoking(one)}>
                  Revoke
                </button>
              )}
            </td>
          </tr>
        )}
      />
      {making && (
        <Dialog heading="New token" close={() => setMaking(false)}>
          <TokenForm done={(token) => (setMaking(false), setMade(token), reload())} />
        </Dialog>
      )}
      {made && <ShownOnce heading="The new token" what="Give it to the program." value={made} close={() => setMade("")} />}
      {revoking && (
        <Confirm heading={`Revoke ${revoking.name}?`} text="The program that uses it is refused from then on." button="Revoke" run={() => void revoke(revoking)} close={() => setRevoking(null)} />
      )}
    </SettingsPageFrame>
  );
}

function TokenForm({ done }: { done: (token: string) => void }) {
  const { busy, problem, submit } = useForm(async (filled) => {
    const end = filled("end");
    const body = {
      name: filled("name"),
      scopes: [`workspace:${workspace}:${filled("role")}`],
      ...(end ? { expires_at: new Date(`${end}T23:59:59`).toISOString() } : {}),
    } as never;
    const made = (await data(POST("/api/v1/tokens", { params: { header: requestKey() }, body }))) as { token: string };
    done(made.token);
  });
  return (
    <form class="flex flex-col gap-3" onSubmit={submit}>
      <label>
        <span class="label">What it is for</span>
        <input class="field" name="name" required maxLength={200} placeholder="CI of Shortleaf" />
      </label>
      <label>
        <span class="label">What it may do in this workspace</span>
        <select class="field" name="role">
          <option value="viewer">look</option>
          <option value="member" selected>
            what a member may
          </option>
          <option value="admin">what an admin may</option>
        </select>
      </label>
      <label>
        <span class="label">Good until the end of (empty: until it is revoked)</span>
        <input class="field" name="end" type="date" min={new Date().toISOString().slice(0, 10)} />
      </label>
      <Refused text={problem} />
      <button class="btn-main self-start" disabled={busy}>
        Make the token
      </button>
    </form>
  );
}
