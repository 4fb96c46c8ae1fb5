/** Where the card's work stands, and what a person decides about it: approve, send back, merge, push. */
import { useState } from "preact/hooks";
import { POST } from "../../api/client";
import type { Task } from "../../api/types";
import { moment } from "../../lib/format";
import { may, needsOperator } from "../../state/me";
import { preferences } from "../../state/preferences";
import { CommentDialog } from "../comment-dialog";
import { Dialog } from "../dialog";
import { Panel } from "../page";
import { decide, drafts } from "./state";

const COLOURS = { green: "text-good", red: "text-bad", unchecked: "text-warn" } as const;

export function WorkPanel({ task, changed }: { task: Task; changed: () => void }) {
  const zone = preferences.value.zone || undefined;
  const facts: [string, string][] = [
    ["Branch", task.branch ?? ""],
    ["Commit", task.head?.slice(0, 12) ?? ""],
    ["Checks", task.checks ?? "not run"],
    ["Approved", task.approved_head ? task.approved_head.slice(0, 12) : "no"],
    ["Landed", task.landed ? `${task.landed.oid.slice(0, 12)}, ${moment(task.landed.at, zone)}` : "no"],
    ...(task.sandbox ? [["Sandbox", task.sandbox] as [string, string]] : []),
  ];
  const colour = task.checks ? COLOURS[task.checks] : "";
  return (
    <Panel heading="Work">
      <dl class="m-0 grid grid-cols-2 sm:grid-cols-3 lg:grid-cols-6 gap-x-4 gap-y-2">
        {facts.map(([name, value]) => (
          <div key={name} class="min-w-0">
            <dt class="text-xs text-soft">{name}</dt>
            <dd class={`m-0 text-sm break-words ${name === "Checks" ? colour : ""} ${name === "Sandbox" && value === "none" ? "text-bad" : ""}`}>{value}</dd>
          </div>
        ))}
      </dl>
      {task.landing_problem && !task.landed && (
        <div role="status" class="text-sm text-warn">
          <p>
            <strong>Not merged:</strong> {task.landing_problem.message}
          </p>
          {(task.landing_problem.paths?.length ?? 0) > 0 && (
            <ul class="m-0 pl-5">
              {task.landing_problem.paths?.map((one) => (
                <li key={one} class="break-all">
                  {one}
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
      <div class="flex flex-wrap gap-2">
        <Decisions task={task} changed={changed} />
      </div>
    </Panel>
  );
}

function Decisions({ task, changed }: { task: Task; changed: () => void }) {
  const [open, setOpen] = useState<"back" | "merge" | null>(null);
  const path = { task_id: task.id };
  const head = task.head ?? "";
  const after = (good: boolean) => {
    if (good) changed();
  };
  const close = () => setOpen(null);
  const changesSomething = task.head !== task.base;
  return (
    <>
      {task.state === "review" && (
        <>
          {may("approve_task") && (
          <button
            class="btn-main"
            onClick={() =>
              void decide((header) => POST("/api/v1/tasks/{task_id}/approve", { params: { path, header }, body: { head, comment: "" } }), "Approved.", "Not approved").then(after)
            }
          >
            Approve
          </button>
          )}
          {may("request_changes") && (
          <button class="btn" onClick={() => setOpen("back")}>
            Request changes{drafts.value.length ? ` (${drafts.value.length} on lines)` : ""}
          </button>
          )}
        </>
      )}
      {task.state === "done" && !task.landed && changesSomething && may("merge_task") && (
        <button class="btn-main" onClick={() => setOpen("merge")}>
          Merge
        </button>
      )}
      {task.landing_problem?.kind === "merge-conflict" && !task.landed && may("resolve_task") && (
        <button
          class="btn"
          onClick={() =>
            void decide((header) => POST("/api/v1/tasks/{task_id}/resolve", { params: { path, header }, body: {} as never }), "Sent back with the conflict.", "Not sent back").then(after)
          }
        >
          Have the agent resolve it
        </button>
      )}
      {changesSomething && !task.landed && task.state !== "in-progress" && may("push_task") && (
        <button
          class="btn"
          onClick={() => void decide((header) => POST("/api/v1/tasks/{task_id}/push", { params: { path, header } }), "The branch is pushed.", "Not pushed").then(after)}
        >
          Push the branch
        </button>
      )}
      {open === "back" && <SendBack task={task} close={close} changed={changed} />}
      {open === "merge" && <Merge task={task} close={close} changed={changed} />}
    </>
  );
}

interface FormProps {
  task: Task;
  close: () => void;
  changed: () => void;
}

function SendBack({ task, close, changed }: FormProps) {
  async function send(comment: string): Promise<void> {
    const body = { head: task.head ?? "", comment, comments: [...drafts.value] };
    const params = { path: { task_id: task.id } };
    if (await decide((header) => POST("/api/v1/tasks/{task_id}/request-changes", { params: { ...params, header }, body }), "Sent back to its agent.", "Not sent back")) {
      drafts.value = [];
      close();
      changed();
    }
  }
  return (
    <CommentDialog heading="Request changes" required={!drafts.value.length} close={close} send={(comment) => void send(comment)}>
      {drafts.value.length > 0 && <p class="muted">{drafts.value.length} comments on lines go with it.</p>}
    </CommentDialog>
  );
}

const STRATEGIES = { squash: "Squash: one commit", merge: "Merge: all commits and a merge commit", rebase: "Rebase: all commits in a row" } as const;

function Merge({ task, close, changed }: FormProps) {
  const [strategy, setStrategy] = useState<keyof typeof STRATEGIES>("squash");
  const [message, setMessage] = useState("");
  const [force, setForce] = useState(false);
  const red = task.checks === "red";
  async function send(event: Event): Promise<void> {
    event.preventDefault();
    const body = { strategy, message, force };
    const params = { path: { task_id: task.id } };
    // Closed either way: a refusal is told outside, where a modal dialog would hide it.
    close();
    if (await decide((header) => POST("/api/v1/tasks/{task_id}/merge", { params: { ...params, header }, body }), "Merged.", "Not merged")) changed();
  }
  return (
    <Dialog heading="Merge the work" close={close}>
      <form class="flex flex-col gap-3" onSubmit={(event) => void send(event)}>
        {needsOperator() && <p class="text-warn text-sm">Merging needs the page to be opened by the address that `vapora up` prints.</p>}
        <label>
          <span class="label">How</span>
          <select class="field" value={strategy} onChange={(event) => setStrategy(event.currentTarget.value as keyof typeof STRATEGIES)}>
            {Object.entries(STRATEGIES).map(([name, said]) => (
              <option key={name} value={name}>
                {said}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span class="label">Message (empty: the card's title)</span>
          <textarea class="area" maxLength={100_000} value={message} onInput={(event) => setMessage(event.currentTarget.value)} />
        </label>
        {task.checks === "unchecked" && <p class="text-warn text-sm">Nothing was checked: the project names no checks.</p>}
        {red && (
          <label class="flex gap-2 items-center text-sm text-warn">
            <input type="checkbox" checked={force} required onChange={(event) => setForce(event.currentTarget.checked)} />
            Merge although a check is red. The audit names you.
          </label>
        )}
        <button class="btn-main self-start">Merge</button>
      </form>
    </Dialog>
  );
}
