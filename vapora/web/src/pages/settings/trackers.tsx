/** GitHub and Jira: what is connected, whether it is in step, and issues that become cards. */
import { useEffect, useState } from "preact/hooks";
import { data, DELETE, GET, POST, PUT, requestKey } from "../../api/client";
import type { Tracker, TrackerStatus } from "../../api/types";
import { useForm, type Filled } from "../../lib/form";
import { useData } from "../../lib/use-data";
import { loadProjects } from "../../state/board";
import { may } from "../../state/me";
import { refused, tell } from "../../state/toasts";
import { Confirm } from "../../ui/confirm";
import { Dialog } from "../../ui/dialog";
import { Choice, Field, optionsOf } from "../../ui/field";
import { Listing } from "../../ui/listing";
import { Refused } from "../../ui/outside";
import { ProjectSelect } from "../../ui/project-select";
import { SettingsPageFrame } from "../../ui/settings-page";

type Kind = "github" | "jira";
const KINDS: Record<Kind, string> = { github: "GitHub", jira: "Jira" };
const all = async (after: number) => ((await data(GET("/api/v1/trackers", { params: { query: after ? { after } : {} } }))) as { items: Tracker[] }).items;

export function TrackersPage() {
  const [after, setAfter] = useState(0);
  const { value, problem } = useData(() => all(after), [after]);
  const [making, setMaking] = useState(false);
  return (
    <SettingsPageFrame
      heading="Trackers"
      path="/settings/trackers"
      aside={
        may("set_tracker") && (
          <button class="btn-main" onClick={() => setMaking(true)}>
            Connect a tracker
          </button>
        )
      }
    >
      <Listing
        name="Trackers"
        columns={["Tracker", "Issues that become cards", "State"]}
        items={value}
        problem={problem}
        empty="Nothing is connected yet. A tracker's issues become cards, and both stay in step: comments, states, pull requests."
        row={(one) => <Row key={one.id} tracker={one} changed={setAfter} />}
      />
      {making && (
        <Dialog heading="Connect a tracker" close={() => setMaking(false)}>
          <TrackerForm done={(position) => (setMaking(false), setAfter(position))} />
        </Dialog>
      )}
    </SettingsPageFrame>
  );
}

function Row({ tracker, changed }: { tracker: Tracker; changed: (position: number) => void }) {
  const [removing, setRemoving] = useState(false);
  const path = { tracker_id: tracker.id };
  const { value: status, reload } = useData(async () => (await data(GET("/api/v1/trackers/{tracker_id}/status", { params: { path } }))) as TrackerStatus, [tracker.id, tracker.position]);
  async function tryIt(): Promise<void> {
    try {
      const outcome = (await data(GET("/api/v1/trackers/{tracker_id}/check", { params: { path } }))) as { reached: boolean; name: string; error: string };
      tell(outcome.reached ? `Reached ${outcome.name}.` : outcome.error, outcome.reached ? "good" : "bad");
      reload();
    } catch (error) {
      refused(error, "Not tried");
    }
  }
  async function bring(): Promise<void> {
    try {
      await data(POST("/api/v1/trackers/{tracker_id}/import", { params: { path, header: requestKey() }, body: { numbers: [] } as never }));
      tell("Its open issues become cards, one after the other.");
    } catch (error) {
      refused(error, "Nothing was imported");
    }
  }
  async function remove(): Promise<void> {
    try {
      const gone = (await data(DELETE("/api/v1/trackers/{tracker_id}", { params: { path } }))) as { position: number };
      tell(`${tracker.id} is disconnected.`);
      changed(gone.position);
    } catch (error) {
      refused(error, "Not disconnected");
    }
  }
  return (
    <tr>
      <td>
        {tracker.id}
        <div class="text-soft break-all">
          {KINDS[tracker.kind]}: {tracker.remote}
        </div>
      </td>
      <td>
        {tracker.labels.length ? `with the label ${tracker.labels.join(" or ")}` : "every one"}
        <div class="text-soft">{tracker.links === 1 ? "1 link" : `${tracker.links} links`}</div>
      </td>
      <td>{tracker.enabled ? inStep(status) : "off"}</td>
      <td class="text-end">
        <span class="inline-flex flex-wrap justify-end">
          {may("check_tracker") && (
            <button class="btn-quiet !h-8" aria-label={`Try ${tracker.id}`} onClick={() => void tryIt()}>
              Try
            </button>
          )}
          {may("import_issues") && tracker.enabled && (
            <button class="btn-quiet !h-8" aria-label={`Import open issues of ${tracker.id}`} onClick={() => void bring()}>
              Import
            </button>
          )}
          {may("remove_tracker") && (
            <button class="btn-quiet !h-8" aria-label={`Disconnect ${tracker.id}`} onClick={() => setRemoving(true)}>
              Disconnect
            </button>
          )}
        </span>
        {removing && (
          <Confirm
            heading={`Disconnect ${tracker.id}?`}
            text="What waits to be carried to it goes with it. Cards and issues stay as they are."
            button="Disconnect"
            run={() => void remove()}
            close={() => setRemoving(false)}
          />
        )}
      </td>
    </tr>
  );
}

function inStep(status: TrackerStatus | null): string {
  if (!status) return "on";
  if (status.problem) return `${status.waiting} waiting: ${status.problem}`;
  return status.waiting ? `${status.waiting} waiting` : "in step";
}

function body(kind: Kind, filled: Filled): unknown {
  const said = {
    kind,
    remote: filled("remote"),
    project_id: filled("project_id"),
    secret: filled("secret"),
    labels: filled("labels").split(",").map((one) => one.trim()).filter(Boolean),
    description: filled("description"),
    ...(filled("url") ? { url: filled("url") } : {}),
    ...(filled("webhook_secret") ? { webhook_secret: filled("webhook_secret") } : {}),
  };
  return kind === "github" ? said : { ...said, username: filled("username"), jira_api: filled("username") ? "3" : "2" };
}

function TrackerForm({ done }: { done: (position: number) => void }) {
  const [kind, setKind] = useState<Kind>("github");
  useEffect(() => void loadProjects(), []);
  const { busy, problem, submit } = useForm(async (filled) => {
    const params = { params: { path: { tracker_id: filled("id") } }, body: body(kind, filled) as never };
    done(((await data(PUT("/api/v1/trackers/{tracker_id}", params))) as { position: number }).position);
  });
  return (
    <form class="flex flex-col gap-3" onSubmit={submit}>
      <div class="grid sm:grid-cols-2 gap-3">
        <Field name="id" label="Id" placeholder="app" pattern="[a-z0-9]+(-[a-z0-9]+)*" />
        <Choice label="Kind" value={kind} set={setKind} options={optionsOf(KINDS)} />
        {kind === "github" ? <Field name="remote" label="Repository" placeholder="acme/app" /> : <Field name="remote" label="Key of the project" placeholder="APP" />}
        <ProjectSelect label="Cards go to" name="project_id" required />
        <Field name="url" label={kind === "github" ? "Own server, as https://github.example.com/api/v3" : "Address of the site"} placeholder={kind === "github" ? "" : "https://example.atlassian.net"} optional={kind === "github"} />
        {kind === "jira" && <Field name="username" label="Account of the token; empty on an own server" optional />}
        <Field name="secret" label="Name of its token, as tracker-app" pattern="tracker-[a-z0-9]+([.-][a-z0-9]+)*" />
        <Field name="webhook_secret" label="Name of what webhooks are signed with" pattern="tracker-[a-z0-9]+([.-][a-z0-9]+)*" optional />
        <Field name="labels" label="Labels whose issues become cards; none: all do" value="vapora" optional />
        <Field name="description" label="What it is for" optional />
      </div>
      <p class="muted">Tokens are kept under Secrets; here only the name stands.</p>
      <Refused text={problem} />
      <button class="btn-main self-start" disabled={busy}>
        Save
      </button>
    </form>
  );
}
