/** Other programs that are told what happens: their addresses, samples, and what became of what was sent. */
import { useState } from "preact/hooks";
import { data, DELETE, GET, POST, PUT, requestKey } from "../../api/client";
import type { Delivery, Webhook } from "../../api/types";
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
import { Loading } from "../../ui/page";
import { SettingsPageFrame } from "../../ui/settings-page";

const all = async () => ((await data(GET("/api/v1/webhooks"))) as { items: Webhook[] }).items;

export function WebhooksPage() {
  const { value, problem, reload } = useData(all, []);
  const [editing, setEditing] = useState<Webhook | "new" | null>(null);
  const [secret, setSecret] = useState("");
  return (
    <SettingsPageFrame
      heading="Webhooks"
      path="/settings/webhooks"
      aside={
        may("create_webhook") && (
          <button class="btn-main" onClick={() => setEditing("new")}>
            New webhook
          </button>
        )
      }
    >
      <Listing
        name="Webhooks"
        columns={["Address", "Topics", "State"]}
        items={value}
        problem={problem}
        empty="There is no webhook yet. One sends what happens here to a program of yours, signed, at least once."
        row={(one) => <Row key={one.id} hook={one} edit={() => setEditing(one)} changed={reload} />}
      />
      {editing && (
        <Dialog heading={editing === "new" ? "New webhook" : "Change the webhook"} close={() => setEditing(null)}>
          <WebhookForm
            hook={editing === "new" ? null : editing}
            done={(made) => {
              setEditing(null);
              setSecret(made);
              reload();
            }}
          />
        </Dialog>
      )}
      {secret && <ShownOnce heading="The webhook's secret" what="Your program checks the signatures with it." value={secret} close={() => setSecret("")} />}
    </SettingsPageFrame>
  );
}

function Row({ hook, edit, changed }: { hook: Webhook; edit: () => void; changed: () => void }) {
  const [open, setOpen] = useState<"remove" | "sent" | null>(null);
  const path = { webhook_id: hook.id };
  async function sample(): Promise<void> {
    try {
      const outcome = (await data(POST("/api/v1/webhooks/{webhook_id}/test", { params: { path, header: requestKey() } }))) as { delivered: boolean; error: string };
      tell(outcome.delivered ? "The sample was taken." : `The sample was not taken: ${outcome.error}`, outcome.delivered ? "good" : "bad");
    } catch (error) {
      refused(error, "No sample was sent");
    }
  }
  async function remove(): Promise<void> {
    try {
      await DELETE("/api/v1/webhooks/{webhook_id}", { params: { path } });
      tell("The webhook is removed.");
      changed();
    } catch (error) {
      refused(error, "Not removed");
    }
  }
  return (
    <tr>
      <td class="break-all">
        {hook.url}
        {hook.description && <div class="text-soft">{hook.description}</div>}
      </td>
      <td class="font-mono break-all">{hook.topics.join(", ")}</td>
      <td>{hook.enabled ? "on" : "off"}</td>
      <td class="text-end">
        <span class="inline-flex flex-wrap justify-end">
          <button class="btn-quiet !h-8" aria-label={`What was sent to ${hook.url}`} onClick={() => setOpen("sent")}>
            Sent
          </button>
          {may("test_webhook") && (
            <button class="btn-quiet !h-8" aria-label={`Send a sample to ${hook.url}`} onClick={() => void sample()}>
              Sample
            </button>
          )}
          {may("set_webhook") && (
            <button class="btn-quiet !h-8" aria-label={`Change ${hook.url}`} onClick={edit}>
              Change
            </button>
          )}
          {may("remove_webhook") && (
            <button class="btn-quiet !h-8" aria-label={`Remove ${hook.url}`} onClick={() => setOpen("remove")}>
              Remove
            </button>
          )}
        </span>
        {open === "remove" && (
          <Confirm heading="Remove the webhook?" text="Its secret goes with it, and so does what was not sent yet." button="Remove" run={() => void remove()} close={() => setOpen(null)} />
        )}
        {open === "sent" && (
          <Dialog heading="What was sent" close={() => setOpen(null)}>
            <Sent id={hook.id} />
          </Dialog>
        )}
      </td>
    </tr>
  );
}

function Sent({ id }: { id: string }) {
  const find = async () => ((await data(GET("/api/v1/webhooks/{webhook_id}/deliveries", { params: { path: { webhook_id: id } } }))) as { items: Delivery[] }).items;
  const { value, problem } = useData(find, [id]);
  if (!value) return <Loading problem={problem} />;
  if (!value.length) return <p class="muted">Nothing was sent yet.</p>;
  return (
    <ul class="m-0 p-0 list-none flex flex-col gap-2 text-sm text-start">
      {value.map((one) => (
        <li key={one.id}>
          <span class="font-mono">{one.topic}</span> #{one.position}: {one.state}
          {one.status ? `, ${one.status}` : ""}
          {one.error ? `, ${one.error}` : ""} <span class="text-soft">{moment(one.updated_at, preferences.value.zone || undefined)}</span>
        </li>
      ))}
    </ul>
  );
}

function WebhookForm({ hook, done }: { hook: Webhook | null; done: (secret: string) => void }) {
  const { busy, problem, submit } = useForm(async (filled) => {
    const topics = filled("topics").split(/[\s,]+/).filter(Boolean);
    const body = { url: filled("url"), topics, description: filled("description"), enabled: filled("enabled") === "on" } as never;
    if (hook) {
      await PUT("/api/v1/webhooks/{webhook_id}", { params: { path: { webhook_id: hook.id } }, body });
      done("");
    } else {
      const made = (await data(POST("/api/v1/webhooks", { params: { header: requestKey() }, body }))) as { secret: string };
      done(made.secret);
    }
  });
  return (
    <form class="flex flex-col gap-3" onSubmit={submit}>
      <label>
        <span class="label">Address</span>
        <input class="field" name="url" type="url" required maxLength={2_000} defaultValue={hook?.url ?? ""} placeholder="https://example.com/hooks" />
      </label>
      <label>
        <span class="label">Topics, with spaces between them: a topic, all of a noun (task.*), or *</span>
        <input class="field font-mono" name="topics" required defaultValue={hook?.topics.join(" ") ?? ""} placeholder="task.* run.failed" />
      </label>
      <label>
        <span class="label">What it is for</span>
        <input class="field" name="description" maxLength={1_000} defaultValue={hook?.description ?? ""} />
      </label>
      <label class="flex gap-2 items-center text-sm">
        <input type="checkbox" name="enabled" defaultChecked={hook?.enabled ?? true} />
        Send to it
      </label>
      <Refused text={problem} />
      <button class="btn-main self-start" disabled={busy}>
        Save
      </button>
    </form>
  );
}
