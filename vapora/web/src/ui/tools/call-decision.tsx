/** A card waits for a person's word on a call of a tool: all that would be sent, and the two answers. */
import { useState } from "preact/hooks";
import { data, GET, POST } from "../../api/client";
import type { Run, Step, Task } from "../../api/types";
import { allPages } from "../../lib/pages";
import { askedCall, isCallOf } from "../../lib/tool-call";
import { useData } from "../../lib/use-data";
import { may } from "../../state/me";
import { Loading, Panel } from "../page";
import { decide } from "../work/state";

interface Props {
  task: Task;
  runs: readonly Run[];
  changed: () => void;
}

export function CallDecision({ task, runs, changed }: Props) {
  const asked = askedCall(task.waiting);
  const run = runs.findLast((one) => one.state === "waiting");
  if (!asked || !run) return null;
  return <Decision key={`${run.run_id}/${asked.digest}`} run={run} tool={asked.tool} digest={asked.digest} changed={changed} />;
}

/** The card's own words are cut: the step has all of the call. Calls are made one by one, so the first under way is it. */
async function sent(run: string, tool: string): Promise<Step | null> {
  const params = (cursor: string | undefined) => ({ params: { path: { run_id: run }, query: { limit: 100, ...(cursor ? { cursor } : {}) } } });
  const steps = await allPages<Step>((cursor) => data(GET("/api/v1/runs/{run_id}/steps", params(cursor))));
  const first = steps.find((one) => one.kind === "tool" && one.state === "running");
  return first && isCallOf(first.name, tool) ? first : null;
}

function Decision({ run, tool, digest, changed }: { run: Run; tool: string; digest: string; changed: () => void }) {
  const { value, problem } = useData(async () => ({ step: await sent(run.run_id, tool) }), [run.run_id, digest]);
  const [comment, setComment] = useState("");
  const [busy, setBusy] = useState(false);
  async function say(decision: "allow" | "refuse"): Promise<void> {
    setBusy(true);
    const params = { path: { run_id: run.run_id } };
    const body = { decision, seen: digest, comment };
    const taken = await decide(
      (header) => POST("/api/v1/runs/{run_id}/tool-call", { params: { ...params, header }, body }),
      decision === "allow" ? "The call may go out." : "The call is refused.",
      "Not decided",
    );
    setBusy(false);
    if (taken) changed();
  }
  return (
    <Panel heading="A call of a tool waits for you">
      <p>
        It would send this out by <strong class="font-mono break-all">{tool}</strong>:
      </p>
      {!value ? (
        <Loading problem={problem} />
      ) : value.step ? (
        <pre class="max-h-100 overflow-auto whitespace-pre-wrap break-words border border-line rounded-lg p-2 text-sm" tabIndex={0} role="region" aria-label="What would be sent">
          {JSON.stringify(value.step.arguments, null, 2)}
        </pre>
      ) : (
        <p class="muted">All that is known of it stands above.</p>
      )}
      {may("decide_tool_call") && (
        <>
          <label>
            <span class="label">For the agent (may be empty)</span>
            <input class="field" maxLength={2_000} value={comment} onInput={(event) => setComment(event.currentTarget.value)} />
          </label>
          <div class="flex gap-2">
            <button class="btn-main" disabled={busy || !value} onClick={() => void say("allow")}>
              Allow the call
            </button>
            <button class="btn" disabled={busy} onClick={() => void say("refuse")}>
              Refuse the call
            </button>
          </div>
        </>
      )}
    </Panel>
  );
}
