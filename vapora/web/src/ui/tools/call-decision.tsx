/** A card waits for a person's word on a call of a tool: all that would be sent, and the two answers. */
import { useState } from "preact/hooks";
import { data, GET, POST } from "../../api/client";
import type { Task } from "../../api/types";
import { useData } from "../../lib/use-data";
import { may } from "../../state/me";
import { Loading, Panel } from "../page";
import { decide } from "../work/state";

type Call = NonNullable<NonNullable<Task["waiting"]>["call"]>;

export function CallDecision({ task, changed }: { task: Task; changed: () => void }) {
  const call = task.waiting?.call;
  return call ? <Decision key={`${call.run_id}/${call.seen}`} call={call} changed={changed} /> : null;
}

/** The very arguments that the decision's digest is of: the event that says that the run waits has both. */
async function sent({ run_id, arguments: said, sha256 }: Call): Promise<string> {
  if (said != null) return JSON.stringify(JSON.parse(said), null, 2);
  const params = { path: { run_id, sha256: sha256 ?? "" } };
  return String(await data(GET("/api/v1/runs/{run_id}/content/{sha256}", { params, parseAs: "text" })));
}

function Decision({ call, changed }: { call: Call; changed: () => void }) {
  const { value, problem } = useData(async () => ({ text: await sent(call) }), [call.run_id, call.seen]);
  const [comment, setComment] = useState("");
  const [busy, setBusy] = useState(false);
  async function say(decision: "allow" | "refuse"): Promise<void> {
    setBusy(true);
    const params = { path: { run_id: call.run_id } };
    const body = { decision, seen: call.seen, comment };
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
        It would send this out by <strong class="font-mono break-all">{call.tool}</strong>:
      </p>
      {!value ? (
        <Loading problem={problem} />
      ) : (
        <pre class="max-h-100 overflow-auto whitespace-pre-wrap break-words border border-line rounded-lg p-2 text-sm" tabIndex={0} role="region" aria-label="What would be sent">
          {value.text}
        </pre>
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
