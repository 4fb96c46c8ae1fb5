/** How people are told: Slack, Discord, Telegram, a signed message to a program, mail; and what became of what was sent. */
import { useState } from "preact/hooks";
import { data, DELETE, GET, POST, PUT, requestKey } from "../../api/client";
import type { Channel, ChannelDelivery } from "../../api/types";
import { useForm, type Filled } from "../../lib/form";
import { moment } from "../../lib/format";
import { useData } from "../../lib/use-data";
import { may } from "../../state/me";
import { preferences } from "../../state/preferences";
import { refused, tell } from "../../state/toasts";
import { Confirm } from "../../ui/confirm";
import { Dialog } from "../../ui/dialog";
import { Choice, Field, optionsOf } from "../../ui/field";
import { Listing } from "../../ui/listing";
import { Refused } from "../../ui/outside";
import { Loading } from "../../ui/page";
import { SettingsPageFrame } from "../../ui/settings-page";

const all = async (after: number) => ((await data(GET("/api/v1/channels", { params: { query: after ? { after } : {} } }))) as { items: Channel[] }).items;
const KINDS = { slack: "Slack", discord: "Discord", telegram: "Telegram", webhook: "Signed message to a program", email: "Mail" } as const;
type Kind = keyof typeof KINDS;

export function ChannelsPage() {
  const [after, setAfter] = useState(0);
  const { value, problem } = useData(() => all(after), [after]);
  const [making, setMaking] = useState(false);
  return (
    <SettingsPageFrame
      heading="Channels"
      path="/settings/channels"
      aside={
        may("set_channel") && (
          <button class="btn-main" onClick={() => setMaking(true)}>
            New channel
          </button>
        )
      }
    >
      <Listing
        name="Channels"
        columns={["Channel", "Told of", "State"]}
        items={value}
        problem={problem}
        empty="There is no channel yet. One tells people what waits for them, what failed, and when a budget is near its end."
        row={(one) => <Row key={one.id} channel={one} changed={setAfter} />}
      />
      {making && (
        <Dialog heading="New channel" close={() => setMaking(false)}>
          <ChannelForm done={(position) => (setMaking(false), setAfter(position))} />
        </Dialog>
      )}
    </SettingsPageFrame>
  );
}

function Row({ channel, changed }: { channel: Channel; changed: (position: number) => void }) {
  const [open, setOpen] = useState<"remove" | "sent" | null>(null);
  const path = { channel_id: channel.id };
  async function sample(): Promise<void> {
    try {
      const outcome = (await data(POST("/api/v1/channels/{channel_id}/test", { params: { path, header: requestKey() } }))) as { delivered: boolean; error: string };
      tell(outcome.delivered ? "The sample was taken." : `The sample was not taken: ${outcome.error}`, outcome.delivered ? "good" : "bad");
    } catch (error) {
      refused(error, "No sample was sent");
    }
  }
  async function remove(): Promise<void> {
    try {
      const gone = (await data(DELETE("/api/v1/channels/{channel_id}", { params: { path } }))) as { position: number };
      tell(`${channel.id} is removed.`);
      changed(gone.position);
    } catch (error) {
      refused(error, "Not removed");
    }
  }
  return (
    <tr>
      <td>
        {channel.id}
        <div class="text-soft">
          {KINDS[channel.kind]}
          {channel.mail && ` to ${channel.mail.to.join(", ")}`}
        </div>
      </td>
      <td class="font-mono break-all">{channel.notices.join(", ")}</td>
      <td>{channel.enabled ? "on" : "off"}</td>
      <td class="text-end">
        <span class="inline-flex flex-wrap justify-end">
          <button class="btn-quiet !h-8" aria-label={`What was sent to ${channel.id}`} onClick={() => setOpen("sent")}>
            Sent
          </button>
          {may("test_channel") && (
            <button class="btn-quiet !h-8" aria-label={`Send a sample to ${channel.id}`} onClick={() => void sample()}>
              Sample
            </button>
          )}
          {may("remove_channel") && (
            <button class="btn-quiet !h-8" aria-label={`Remove ${channel.id}`} onClick={() => setOpen("remove")}>
              Remove
            </button>
          )}
        </span>
        {open === "remove" && <Confirm heading={`Remove ${channel.id}?`} text="What was not sent yet goes with it." button="Remove" run={() => void remove()} close={() => setOpen(null)} />}
        {open === "sent" && (
          <Dialog heading="What was sent" close={() => setOpen(null)}>
            <Sent id={channel.id} />
          </Dialog>
        )}
      </td>
    </tr>
  );
}

function Sent({ id }: { id: string }) {
  const find = async () => ((await data(GET("/api/v1/channels/{channel_id}/deliveries", { params: { path: { channel_id: id } } }))) as { items: ChannelDelivery[] }).items;
  const { value, problem, reload } = useData(find, [id]);
  async function again(position: number): Promise<void> {
    try {
      await POST("/api/v1/channels/{channel_id}/resend", { params: { path: { channel_id: id }, header: requestKey() }, body: { positions: [position] } as never });
      reload();
    } catch (error) {
      refused(error, "Not sent again");
    }
  }
  if (!value) return <Loading problem={problem} />;
  if (!value.length) return <p class="muted">Nothing was sent yet.</p>;
  return (
    <ul class="m-0 p-0 list-none flex flex-col gap-2 text-sm text-start">
      {value.map((one) => (
        <li key={one.position}>
          <span class="font-mono">{one.topic}</span> #{one.position}: {one.state}
          {one.status ? `, ${one.status}` : ""}
          {one.error ? `, ${one.error}` : ""} <span class="text-soft">{moment(one.updated_at, preferences.value.zone || undefined)}</span>
          {one.state === "dead" && may("resend_deliveries") && (
            <button class="btn-quiet !h-7" onClick={() => void again(one.position)}>
              Send again
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}

function body(kind: Kind, filled: Filled): unknown {
  const common = { kind, notices: filled("notices").split(/[\s,]+/).filter(Boolean), description: filled("description") };
  const secret = filled("secret") ? { secret: filled("secret") } : {};
  if (kind === "webhook") return { ...common, ...secret, url: filled("url") };
  if (kind === "telegram") return { ...common, ...secret, chat_id: filled("chat_id") };
  if (kind !== "email") return { ...common, ...secret };
  const mail = { host: filled("host"), port: Number(filled("port")), username: filled("username"), sender: filled("sender"), to: filled("to").split(/[\s,]+/).filter(Boolean) };
  return { ...common, ...secret, mail };
}

function ChannelForm({ done }: { done: (position: number) => void }) {
  const [kind, setKind] = useState<Kind>("slack");
  const { busy, problem, submit } = useForm(async (filled) => {
    const params = { params: { path: { channel_id: filled("id") } }, body: body(kind, filled) as never };
    done(((await data(PUT("/api/v1/channels/{channel_id}", params))) as { position: number }).position);
  });
  return (
    <form class="flex flex-col gap-3" onSubmit={submit}>
      <div class="grid sm:grid-cols-2 gap-3">
        <Field name="id" label="Id" placeholder="on-call" pattern="[a-z0-9]+(-[a-z0-9]+)*" />
        <Choice label="Kind" value={kind} set={setKind} options={optionsOf(KINDS)} />
        <Field name="notices" label="Told of, or * for everything" value="approval-required task-failed budget-alert" />
        <Field name="secret" label="Name of its secret, as channel-on-call" pattern="channel-[a-z0-9]+([.-][a-z0-9]+)*" optional={kind === "email"} />
        {kind === "webhook" && <Field name="url" label="Address" placeholder="https://example.com/hooks" />}
        {kind === "telegram" && <Field name="chat_id" label="Chat" placeholder="@team" />}
        {kind === "email" && (
          <>
            <Field name="host" label="Mail server" placeholder="mail.example.com" />
            <Field name="port" label="Port" value="587" />
            <Field name="username" label="User of the mail server" optional />
            <Field name="sender" label="Sender" placeholder="vapora@example.com" />
            <Field name="to" label="To" placeholder="ada@example.com" />
          </>
        )}
        <Field name="description" label="What it is for" optional />
      </div>
      <p class="muted">Addresses with tokens, bots' tokens and passwords of mail servers are kept under Secrets; here only the name stands.</p>
      <Refused text={problem} />
      <button class="btn-main self-start" disabled={busy}>
        Save
      </button>
    </form>
  );
}
