/** What the clock begins: runs of workflows and cards, when they are due, and what came of it. */
import { useState } from "preact/hooks";
import { data, DELETE, GET, link, PATCH, POST, PUT, requestKey } from "../../api/client";
import type { Firing, Schedule, Workflow } from "../../api/types";
import { useForm } from "../../lib/form";
import { moment } from "../../lib/format";
import { useData } from "../../lib/use-data";
import { loadProjects } from "../../state/board";
import { may } from "../../state/me";
import { preferences } from "../../state/preferences";
import { refused, tell } from "../../state/toasts";
import { Confirm } from "../../ui/confirm";
import { Dialog } from "../../ui/dialog";
import { Listing } from "../../ui/listing";
import { Refused } from "../../ui/outside";
import { Loading } from "../../ui/page";
import { ProjectSelect } from "../../ui/project-select";
import { WorkflowsFrame } from "../../ui/workflows-page";

const all = async () => ((await data(GET("/api/v1/schedules", {}))) as { items: Schedule[] }).items;
const shownAt = (instant: string) => moment(instant, preferences.value.zone || undefined);
const CHANGES = ["schedule", "task", "workflow-run"];

export function SchedulesPage() {
  const { value, problem, reload } = useData(all, [], (frame) => frame.rows.some(({ view }) => CHANGES.includes(view)));
  const [making, setMaking] = useState(false);
  return (
    <WorkflowsFrame
      heading="Schedules"
      path="/workflows/schedules"
      aside={
        may("set_schedule") && (
          <button class="btn-main" onClick={() => setMaking(true)}>
            New schedule
          </button>
        )
      }
    >
      <Listing
        name="Schedules"
        columns={["Schedule", "When", "Due", "Last"]}
        items={value}
        problem={problem}
        empty="There is no schedule yet. One begins a workflow or makes a card, by the clock of a time zone."
        row={(one) => <Row key={one.id} schedule={one} changed={reload} />}
      />
      {making && (
        <Dialog heading="New schedule" close={() => setMaking(false)}>
          <ScheduleForm done={() => (setMaking(false), reload())} />
        </Dialog>
      )}
    </WorkflowsFrame>
  );
}

function Row({ schedule, changed }: { schedule: Schedule; changed: () => void }) {
  const [open, setOpen] = useState<"history" | "remove" | null>(null);
  const path = { schedule_id: schedule.id };
  async function ask(what: "fire" | "switch" | "remove"): Promise<void> {
    try {
      if (what === "fire") await POST("/api/v1/schedules/{schedule_id}/fire", { params: { path, header: requestKey() } });
      else if (what === "switch") await PATCH("/api/v1/schedules/{schedule_id}", { params: { path }, body: { enabled: !schedule.enabled } as never });
      else await DELETE("/api/v1/schedules/{schedule_id}", { params: { path } });
      tell(what === "fire" ? `${schedule.id} has begun its work.` : what === "remove" ? `${schedule.id} is removed.` : `${schedule.id} is ${schedule.enabled ? "off" : "on"}.`);
      changed();
    } catch (error) {
      refused(error, "Not done");
    }
  }
  return (
    <tr>
      <td>
        {schedule.name || schedule.id}
        <div class="text-soft">{schedule.workflow_id ? `workflow ${schedule.workflow_id}` : `card: ${String(schedule.task?.title ?? "")}`}</div>
      </td>
      <td>
        <span class="font-mono">{schedule.cron}</span> <span class="text-soft">{schedule.zone}</span>
      </td>
      <td>{!schedule.enabled ? "off" : schedule.next_at ? shownAt(schedule.next_at) : "never"}</td>
      <td>{schedule.last_outcome ?? "–"}</td>
      <td class="text-end">
        <span class="inline-flex flex-wrap justify-end">
          <button class="btn-quiet !h-8" aria-label={`History of ${schedule.id}`} onClick={() => setOpen("history")}>
            History
          </button>
          {may("fire_schedule") && (
            <button class="btn-quiet !h-8" aria-label={`Begin ${schedule.id} now`} onClick={() => void ask("fire")}>
              Begin now
            </button>
          )}
          {may("edit_schedule") && (
            <button class="btn-quiet !h-8" aria-label={`Switch ${schedule.id} ${schedule.enabled ? "off" : "on"}`} onClick={() => void ask("switch")}>
              {schedule.enabled ? "Switch off" : "Switch on"}
            </button>
          )}
          {may("remove_schedule") && (
            <button class="btn-quiet !h-8" aria-label={`Remove ${schedule.id}`} onClick={() => setOpen("remove")}>
              Remove
            </button>
          )}
        </span>
        {open === "remove" && <Confirm heading={`Remove ${schedule.id}?`} text="What it began stays." button="Remove" run={() => void ask("remove")} close={() => setOpen(null)} />}
        {open === "history" && (
          <Dialog heading={`What came of ${schedule.id}`} close={() => setOpen(null)}>
            <History id={schedule.id} />
          </Dialog>
        )}
      </td>
    </tr>
  );
}

function History({ id }: { id: string }) {
  const load = async () => ((await data(GET("/api/v1/schedules/{schedule_id}/history", { params: { path: { schedule_id: id } } }))) as { items: Firing[] }).items;
  const { value, problem } = useData(load, [id]);
  if (!value) return <Loading problem={problem} />;
  if (!value.length) return <p class="muted">It was not due yet.</p>;
  return (
    <ul class="m-0 p-0 list-none flex flex-col gap-2 text-sm text-start">
      {value.map((one) => (
        <li key={one.position}>
          {one.outcome}
          {one.count > 1 && ` ${one.count} times`} {one.due_at ? shownAt(one.due_at) : `by ${one.by}`}
          {one.task_id && <a href={link(`/t/${one.task_id}`)}> its card</a>}
          {one.workflow_run_id && <a href={link(`/workflows/runs/${one.workflow_run_id}`)}> its run</a>}
          {one.detail && <span class="text-soft"> {one.detail}</span>}
        </li>
      ))}
    </ul>
  );
}

const workflows = async () => {
  void loadProjects();
  return ((await data(GET("/api/v1/workflows", {}))) as { items: Workflow[] }).items;
};

function ScheduleForm({ done }: { done: () => void }) {
  const { value, problem: unread } = useData(workflows, []);
  const { busy, problem, submit } = useForm(async (filled) => {
    const [kind, id] = filled("begins").split("/", 2);
    const project_id = filled("project");
    const begins = kind === "workflow" ? { workflow_id: id, project_id } : { task: { project_id, title: filled("title") } };
    const body = { cron: filled("cron"), zone: filled("zone"), name: filled("name"), catch_up: filled("catch_up"), ...begins } as never;
    await PUT("/api/v1/schedules/{schedule_id}", { params: { path: { schedule_id: filled("id") } }, body });
    done();
  });
  const [begins, setBegins] = useState("task/");
  if (!value) return <Loading problem={unread} />;
  return (
    <form class="flex flex-col gap-3" onSubmit={submit}>
      <div class="grid sm:grid-cols-2 gap-3">
        <label>
          <span class="label">Id: small letters, digits, hyphens</span>
          <input class="field font-mono" name="id" required pattern="[a-z0-9]+(-[a-z0-9]+)*" maxLength={80} placeholder="every-night" />
        </label>
        <label>
          <span class="label">Name</span>
          <input class="field" name="name" maxLength={200} />
        </label>
        <label>
          <span class="label">When: minute, hour, day, month, weekday</span>
          <input class="field font-mono" name="cron" required maxLength={200} placeholder="30 9 * * MON-FRI" />
        </label>
        <label>
          <span class="label">Time zone</span>
          <input class="field" name="zone" required maxLength={64} defaultValue={preferences.value.zone || Intl.DateTimeFormat().resolvedOptions().timeZone} />
        </label>
        <label>
          <span class="label">It begins</span>
          <select class="field" name="begins" value={begins} onChange={(event) => setBegins(event.currentTarget.value)}>
            <option value="task/">a card</option>
            {value.map((one) => (
              <option key={one.id} value={`workflow/${one.id}`}>
                workflow {one.name}
              </option>
            ))}
          </select>
        </label>
        <ProjectSelect label="In the project" required />
        {begins === "task/" && (
          <label>
            <span class="label">Title of the card</span>
            <input class="field" name="title" required minLength={3} maxLength={500} />
          </label>
        )}
        <label>
          <span class="label">What was missed while the server was off</span>
          <select class="field" name="catch_up">
            <option value="none">is left out</option>
            <option value="last">is done once</option>
            <option value="all">is done each time</option>
          </select>
        </label>
      </div>
      <Refused text={problem} />
      <button class="btn-main self-start" disabled={busy}>
        Save
      </button>
    </form>
  );
}
