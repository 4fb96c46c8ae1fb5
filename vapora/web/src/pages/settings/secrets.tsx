/** Secrets of the workspace: written here, and never shown again. */
import { useState } from "preact/hooks";
import { data, DELETE, GET, PUT } from "../../api/client";
import type { Secret } from "../../api/types";
import { useForm } from "../../lib/form";
import { moment } from "../../lib/format";
import { useData } from "../../lib/use-data";
import { may } from "../../state/me";
import { preferences } from "../../state/preferences";
import { refused, tell } from "../../state/toasts";
import { Confirm } from "../../ui/confirm";
import { Dialog } from "../../ui/dialog";
import { Listing } from "../../ui/listing";
import { Refused } from "../../ui/outside";
import { SettingsPageFrame } from "../../ui/settings-page";

const all = async () => ((await data(GET("/api/v1/secrets"))) as { items: Secret[] }).items;

export function SecretsPage() {
  const { value, problem, reload } = useData(all, []);
  const [writing, setWriting] = useState<Secret | "new" | null>(null);
  const [removing, setRemoving] = useState<Secret | null>(null);
  async function remove(secret: Secret): Promise<void> {
    try {
      await DELETE("/api/v1/secrets/{name}", { params: { path: { name: secret.name } } });
      tell(`${secret.name} is deleted.`);
      reload();
    } catch (error) {
      refused(error, "Not deleted");
    }
  }
  return (
    <SettingsPageFrame
      heading="Secrets"
      path="/settings/secrets"
      aside={
        may("store_secret") && (
          <button class="btn-main" onClick={() => setWriting("new")}>
            New secret
          </button>
        )
      }
    >
      <p class="muted">A value is encrypted, used where it is needed, and never shown again, to nobody.</p>
      <Listing
        name="Secrets"
        columns={["Name", "Version", "Written", "By"]}
        items={value}
        problem={problem}
        empty="There is no secret yet. The key of a model's vendor is one, as anthropic-api-key; a git remote's password is another."
        row={(one) => (
          <tr key={one.name}>
            <td class="font-mono break-all">{one.name}</td>
            <td>{one.version}</td>
            <td>{moment(one.updated_at, preferences.value.zone || undefined)}</td>
            <td class="break-all">{one.updated_by}</td>
            <td class="text-end whitespace-nowrap">
              {may("store_secret") && (
                <button class="btn-quiet !h-8" aria-label={`Replace ${one.name}`} onClick={() => setWriting(one)}>
                  Replace
                </button>
              )}
              {may("delete_secret") && (
                <button class="btn-quiet !h-8" aria-label={`Delete ${one.name}`} onClick={() => setRemoving(one)}>
                  Delete
                </button>
              )}
            </td>
          </tr>
        )}
      />
      {writing && (
        <Dialog heading={writing === "new" ? "New secret" : `Replace ${writing.name}`} close={() => setWriting(null)}>
          <SecretForm secret={writing === "new" ? null : writing} done={() => (setWriting(null), reload())} />
        </Dialog>
      )}
      {removing && (
        <Confirm
          heading={`Delete ${removing.name}?`}
          text="What uses it goes on without it, or with what the installation has."
          button="Delete"
          run={() => void remove(removing)}
          close={() => setRemoving(null)}
        />
      )}
    </SettingsPageFrame>
  );
}

function SecretForm({ secret, done }: { secret: Secret | null; done: () => void }) {
  const { busy, problem, submit } = useForm(async (filled) => {
    const name = secret?.name ?? filled("name");
    await PUT("/api/v1/secrets/{name}", { params: { path: { name } }, body: { value: filled("value") } });
    tell(`${name} is stored.`);
    done();
  });
  return (
    <form class="flex flex-col gap-3" onSubmit={submit} autocomplete="off">
      {!secret && (
        <label>
          <span class="label">Name: small letters and digits, with hyphens or dots between them</span>
          <input class="field font-mono" name="name" required maxLength={100} placeholder="anthropic-api-key" />
        </label>
      )}
      <label>
        <span class="label">Value</span>
        <textarea class="area font-mono" name="value" required maxLength={65_536} autocomplete="off" spellcheck={false} />
      </label>
      <Refused text={problem} />
      <button class="btn-main self-start" disabled={busy}>
        Store it
      </button>
    </form>
  );
}
