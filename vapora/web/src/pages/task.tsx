/** One card: what was asked, what was done, why, and at what cost. */
import { useState } from "preact/hooks";
import { useRoute } from "preact-iso";
import { data, DELETE, GET, link } from "../api/client";
import { HEADINGS, type Column, type Decision, type Frame, type Run, type Task } from "../api/types";
import { movesFrom } from "../lib/columns";
import { dollars, moment, named, title } from "../lib/format";
import { useData } from "../lib/use-data";
import { move, titleOf } from "../state/board";
import { may } from "../state/me";
import { preferences } from "../state/preferences";
import { refused, tell } from "../state/toasts";
import { CommentDialog } from "../ui/comment-dialog";
import { Dialog } from "../ui/dialog";
import { EditTask } from "../ui/edit-task";
import { PastWork } from "../ui/executions";
import { Files } from "../ui/files";
import { Loading, Page, Panel } from "../ui/page";
import { Runs } from "../ui/runs";
import { CallDecision } from "../ui/tools/call-decision";
import { WhyView } from "../ui/why";
import { Attempts } from "../ui/work/attempts";
import { ChangesPanel } from "../ui/work/changes";
import { Answer, Comments, commentsOf } from "../ui/work/comments";
import { Links } from "../ui/work/links";
import { WorkPanel } from "../ui/work/decide";

interface Found {
  task: Task;
  runs: readonly Run[];
  decisions: readonly Decision[];
}

async function find(id: string): Promise<Found> {
  const params = { path: { task_id: id } };
  const [task, runs, why] = await Promise.all([
    data(GET("/api/v1/tasks/{task_id}", { params })),
    data(GET("/api/v1/tasks/{task_id}/runs", { params })),
    data(GET("/api/v1/tasks/{task_id}/why", { params })),
  ]);
  return { task: task as Task, runs: (runs as { items: Run[] }).items, decisions: (why as { decisions: Decision[] }).decisions };
}

export function TaskPage() {
  const id = useRoute().params.task ?? "";
  const touches = (frame: Frame) => frame.rows.some((one) => one.key === id || (one.view === "run" && one.row.task_id === id));
  const { value, problem, reload } = useData(() => find(id), [id], touches);
  const [editing, setEditing] = useState(false);
  if (!value || value.task.id !== id) {
    return (
      <Page heading="Card">
        <Loading problem={problem} />
      </Page>
    );
  }
  const { task, runs, decisions } = value;
  return (
    <Page
      heading={task.title}
      aside={
        <>
          {may("edit_task") && (
            <button class="btn" onClick={() => setEditing(true)}>
              Edit
            </button>
          )}
          {task.state === "archived" ? null : <Actions task={task} changed={reload} />}
        </>
      }
    >
      <Facts task={task} />
      {task.waiting && (
        <p role="status" class="glass !bg-raised p-3 text-warn">
          <strong>Waits: {task.waiting.reason}.</strong> {named(task.waiting.remedy, titleOf)}
        </p>
      )}
      <CallDecision task={task} changed={reload} />
      <Answer task={task} />
      {task.branch && <WorkPanel task={task} changed={reload} />}
      <Panel heading="What was asked">
        {task.description ? <pre dir="auto">{task.description}</pre> : <p class="muted">Only the title.</p>}
        {Object.keys(task.context).length > 0 && <pre>{JSON.stringify(task.context, null, 2)}</pre>}
        {task.comment && (
          <p class="text-sm">
            <strong>Last comment:</strong> {task.comment}
          </p>
        )}
      </Panel>
      <Files task={task} />
      <Links task={task} />
      <Panel heading="Runs">
        <Runs runs={runs} />
      </Panel>
      <Discussed task={task} changed={reload} />
      <Panel heading="Past work">
        <PastWork task={task.id} />
      </Panel>
      <Panel heading="Why">
        <WhyView decisions={decisions} />
      </Panel>
      {editing && (
        <Dialog heading="Edit the card" close={() => setEditing(false)}>
          <EditTask task={task} done={() => (setEditing(false), reload())} />
        </Dialog>
      )}
    </Page>
  );
}

/** The comments are read once for both places that show them: on the patch, and one below the other. */
function Discussed({ task, changed }: { task: Task; changed: () => void }) {
  const { value, problem, reload } = useData(() => commentsOf(task.id), [task.id, task.comments]);
  return (
    <>
      {task.branch && <ChangesPanel task={task} comments={value ?? []} />}
      {task.branch && <Attempts task={task} changed={changed} />}
      <Comments task={task.id} comments={value} problem={problem} reload={reload} />
    </>
  );
}

function Facts({ task }: { task: Task }) {
  const zone = preferences.value.zone || undefined;
  const facts: [string, string][] = [
    ["State", task.state === "archived" ? "Archived" : HEADINGS[task.state as Column]],
    ["Agent", task.assigned_agent ?? "none yet"],
    ["Role", task.role ?? "whoever can do it best"],
    ["Kind of work", title(task.task_type)],
    ["Priority", String(task.priority)],
    ["Review", task.review === "none" ? "none" : `by ${task.reviewer ?? task.review}`],
    ...(task.assignee ? [["Assignee", task.assignee] as [string, string]] : []),
    ["Cost", dollars(task.cost_microusd) + (task.limit_microusd != null ? ` of ${dollars(task.limit_microusd)}` : "") + (task.simulated ? " simulated" : "")],
    ["Added", moment(task.created_at, zone)],
    ["Changed", moment(task.updated_at, zone)],
    ...(task.deadline ? [["Deadline", moment(task.deadline, zone)] as [string, string]] : []),
  ];
  return (
    <dl class="glass frosted p-4 m-0 grid grid-cols-2 sm:grid-cols-3 lg:grid-cols-5 gap-x-4 gap-y-2">
      {facts.map(([name, value]) => (
        <div key={name} class="min-w-0">
          <dt class="text-xs text-soft">{name}</dt>
          <dd class="m-0 text-sm break-words">{value}</dd>
        </div>
      ))}
      {task.blocked_by.length > 0 && (
        <div class="col-span-full">
          <dt class="text-xs text-soft">Waits for</dt>
          <dd class="m-0 text-sm flex flex-wrap gap-2">
            {task.blocked_by.map((one) => (
              <a key={one} href={link(`/t/${one}`)}>
                {one}
              </a>
            ))}
          </dd>
        </div>
      )}
    </dl>
  );
}

const ACTIONS: Partial<Record<Column, Partial<Record<Column, string>>>> = {
  review: { done: "Approve", todo: "Send back" },
  "in-progress": { todo: "Take back" },
  failed: { todo: "Try again" },
};

function Actions({ task, changed }: { task: Task; changed: () => void }) {
  const [rejecting, setRejecting] = useState(false);
  const state = task.state as Column;
  async function act(to: Column, said = ""): Promise<void> {
    if (await move(task.id, to, null, said)) changed();
  }
  async function remove(): Promise<void> {
    try {
      await DELETE("/api/v1/tasks/{task_id}", { params: { path: { task_id: task.id } } });
      tell("The card is archived.");
      changed();
    } catch (error) {
      refused(error, "Not archived");
    }
  }
  return (
    <>
      {movesFrom(state).filter((to) => may("move_task") && !(state === "review" && task.branch && (to === "done" || to === "todo"))).map((to) => (
        <button key={to} class={to === "done" ? "btn-main" : "btn"} onClick={() => (state === "review" && to === "todo" ? setRejecting(true) : void act(to))}>
          {ACTIONS[state]?.[to] ?? HEADINGS[to]}
        </button>
      ))}
      {may("archive_task") && (state === "todo" || state === "done" || state === "failed") && (
        <button class="btn" onClick={() => void remove()}>
          Archive
        </button>
      )}
      {rejecting && (
        <CommentDialog
          heading="Send the card back"
          close={() => setRejecting(false)}
          send={(comment) => {
            setRejecting(false);
            void act("todo", comment);
          }}
        />
      )}
    </>
  );
}
