/** What people and agents said on the card; an agent's question is answered here. */
import { useState } from "preact/hooks";
import { data, GET, POST } from "../../api/client";
import type { Comment, Task } from "../../api/types";
import { moment } from "../../lib/format";
import { may } from "../../state/me";
import { preferences } from "../../state/preferences";
import { Loading, Panel } from "../page";
import { decide } from "./state";

export async function commentsOf(task: string): Promise<readonly Comment[]> {
  const query = { limit: 500 };
  const page = (await data(GET("/api/v1/tasks/{task_id}/comments", { params: { path: { task_id: task }, query } }))) as { items: Comment[] };
  return page.items;
}

export function say(task: string, body: Record<string, unknown>): Promise<boolean> {
  return decide(
    (header) => POST("/api/v1/tasks/{task_id}/comments", { params: { path: { task_id: task }, header }, body: body as never }),
    "Said.",
    "Not said",
  );
}

interface CommentsProps {
  task: string;
  comments: readonly Comment[] | null;
  problem: string;
  reload: () => void;
}

export function Comments({ task, comments, problem, reload }: CommentsProps) {
  if (!comments) return <Panel heading="Comments"><Loading problem={problem} /></Panel>;
  return (
    <Panel heading="Comments">
      {comments.length === 0 && <p class="muted">Nobody has said anything.{may("comment_task") && " What you say here, the agent reads in its next run."}</p>}
      <ol class="m-0 p-0 list-none flex flex-col gap-2">
        {comments.map((one) => (
          <li key={one.id} class="border border-line rounded-lg p-3 bg-raised">
            <CommentView comment={one} />
          </li>
        ))}
      </ol>
      {may("comment_task") && <Say task={task} label="Comment" button="Comment" done={reload} />}
    </Panel>
  );
}

const KINDS: Record<string, string> = { comment: "", question: "asks", answer: "answers", approval: "approves", "changes-requested": "requests changes" };

export function CommentView({ comment }: { comment: Comment }) {
  const zone = preferences.value.zone || undefined;
  return (
    <>
      <p class="text-xs text-soft flex flex-wrap gap-x-2 mb-1">
        <strong class="text-ink">{comment.agent_id ?? comment.actor}</strong>
        {comment.agent_id && <span class="tag">agent</span>}
        {KINDS[comment.kind]}
        <span>{moment(comment.at, zone)}</span>
        {comment.path && (
          <span class="break-all">
            {comment.path}
            {comment.line ? `, line ${comment.line}` : ""}
          </span>
        )}
      </p>
      <p class="text-sm whitespace-pre-wrap break-words" dir="auto">
        {comment.text}
      </p>
    </>
  );
}

/** A question of the agent: its run waits for the answer. */
export function Answer({ task }: { task: Task }) {
  if (!task.question) return null;
  const { call_id, text } = task.question;
  return (
    <section class="glass !bg-raised p-4 flex flex-col gap-2 !border-warn" aria-label="Question">
      <h2>{task.assigned_agent ?? "The agent"} asks</h2>
      <p class="whitespace-pre-wrap break-words" dir="auto">
        {text}
      </p>
      {may("comment_task") && <Say task={task.id} label="Your answer" button="Answer" answers={call_id} />}
    </section>
  );
}

interface SayProps {
  task: string;
  label: string;
  button: string;
  answers?: string;
  done?: () => void;
}

function Say({ task, label, button, answers, done }: SayProps) {
  const [text, setText] = useState("");
  async function send(event: Event): Promise<void> {
    event.preventDefault();
    if (await say(task, answers ? { text, answers } : { text })) {
      setText("");
      done?.();
    }
  }
  return (
    <form class="flex flex-col gap-2" onSubmit={(event) => void send(event)}>
      <label>
        <span class="label">{label}</span>
        <textarea class="area" required maxLength={100_000} value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <button class="btn self-start" disabled={!text.trim()}>
        {button}
      </button>
    </form>
  );
}
