/** One run of a workflow: its stages as a graph, live; what each waits for, and what a person may do about it. */
import { useState } from "preact/hooks";
import { useRoute } from "preact-iso";
import { data, GET, link, POST, requestKey } from "../../api/client";
import type { Stage, WorkflowRunView } from "../../api/types";
import { useForm } from "../../lib/form";
import { dollars, duration, moment, title } from "../../lib/format";
import { useData } from "../../lib/use-data";
import { may } from "../../state/me";
import { preferences } from "../../state/preferences";
import { refused, tell } from "../../state/toasts";
import { Confirm } from "../../ui/confirm";
import { Dialog } from "../../ui/dialog";
import { Graph } from "../../ui/graph";
import { Refused } from "../../ui/outside";
import { Loading, Panel } from "../../ui/page";
import { StageBox, StageCards, STATES } from "../../ui/stage";
import { WorkflowsFrame } from "../../ui/workflows-page";
import { ApprovalOf } from "./approvals";

const CHANGES = ["workflow-run", "approval", "task"];
const OVER = ["completed", "failed", "cancelled"];

export function WorkflowRunPage() {
  const { run } = useRoute().params as { run: string };
  const load = async () => (await data(GET("/api/v1/workflow-runs/{workflow_run_id}", { params: { path: { workflow_run_id: run } } }))) as WorkflowRunView;
  const { value, problem, reload } = useData(load, [run], (frame) => frame.rows.some(({ view }) => CHANGES.includes(view)));
  return (
    <WorkflowsFrame heading={value ? `${value.name}: run` : "Run"} path="/workflows/runs" aside={value && <Steer run={value} changed={reload} />}>
      {!value ? <Loading problem={problem} /> : <Shown run={value} changed={reload} />}
    </WorkflowsFrame>
  );
}

function Shown({ run, changed }: { run: WorkflowRunView; changed: () => void }) {
  const [chosen, setChosen] = useState("");
  const stage = run.stages.find((one) => one.name === chosen);
  const path = run.critical_path;
  const critical = (from: string, to: string) => path.includes(from) && path[path.indexOf(from) + 1] === to;
  return (
    <>
      <dl class="glass frosted p-4 m-0 flex flex-wrap gap-x-8 gap-y-2" aria-label="The run">
        <Fact name="State" value={title(run.state)} tone={STATES[run.state]} />
        <Fact name="Begun" value={`${moment(run.started_at, preferences.value.zone || undefined)} by ${run.started_by}`} />
        <Fact name="Took" value={duration(run.duration_s * 1_000)} />
        <Fact name="Cost" value={`${dollars(run.cost_microusd)}${run.budget_microusd == null ? "" : ` of ${dollars(run.budget_microusd)}`}${run.simulated ? ", simulated" : ""}`} />
        <Fact name="Agents" value={String(run.agents)} />
        {path.length > 0 && <Fact name="Critical path" value={`${path.join(" → ")} (${duration(run.critical_path_s * 1_000)})`} />}
      </dl>
      {run.reason && <p role="status">{run.reason}</p>}
      <Panel heading="Stages">
        <Graph
          nodes={run.stages}
          label="Stages, from left to right"
          strong={critical}
          box={(one) => <StageBox stage={one} simulated={run.simulated} chosen={one.name === chosen} choose={() => setChosen(one.name === chosen ? "" : one.name)} />}
        />
      </Panel>
      {run.approvals.map((id) => (
        <ApprovalOf key={id} id={id} decided={changed} />
      ))}
      {stage && <StagePanel run={run} stage={stage} changed={changed} />}
      {Object.keys(run.inputs).length > 0 && (
        <Panel heading="What it was given">
          <dl class="m-0 grid gap-2">
            {Object.entries(run.inputs).map(([name, value]) => (
              <div key={name}>
                <dt class="text-soft text-sm">{name}</dt>
                <dd class="m-0 whitespace-pre-wrap break-words">{typeof value === "string" ? value : JSON.stringify(value)}</dd>
              </div>
            ))}
          </dl>
        </Panel>
      )}
    </>
  );
}

function Fact({ name, value, tone }: { name: string; value: string; tone?: string | undefined }) {
  return (
    <div>
      <dt class="text-soft text-sm">{name}</dt>
      <dd class={`m-0 ${tone ?? ""}`}>{value}</dd>
    </div>
  );
}

function StagePanel({ run, stage, changed }: { run: WorkflowRunView; stage: Stage; changed: () => void }) {
  const [skipping, setSkipping] = useState(false);
  const path = { workflow_run_id: run.id, stage: stage.name };
  async function retry(): Promise<void> {
    try {
      await POST("/api/v1/workflow-runs/{workflow_run_id}/stages/{stage}/retry", { params: { path, header: requestKey() } });
      tell(`${stage.name} is tried again.`);
      changed();
    } catch (error) {
      refused(error, "Not tried again");
    }
  }
  return (
    <Panel heading={`Stage ${stage.name}`}>
      {stage.reason && <p>{stage.reason}</p>}
      {stage.blocked_by.length > 0 && <p class="muted">It waits for {stage.blocked_by.join(", ")}.</p>}
      <StageCards stage={stage} />
      {stage.outputs.length > 0 && (
        <p class="text-sm">
          It left:{" "}
          {stage.outputs.map((one) => (
            <a key={`${one.name}/${one.task_id}`} class="mr-2" href={link(`/t/${one.task_id}`)}>
              {one.name} ({one.kind})
            </a>
          ))}
        </p>
      )}
      <div class="flex gap-2">
        {stage.state === "failed" && may("retry_stage") && (
          <button class="btn" onClick={() => void retry()}>
            Try it again
          </button>
        )}
        {["pending", "failed"].includes(stage.state) && !OVER.includes(run.state) && may("skip_stage") && (
          <button class="btn" onClick={() => setSkipping(true)}>
            Skip it
          </button>
        )}
      </div>
      {skipping && (
        <Dialog heading={`Skip ${stage.name}`} close={() => setSkipping(false)}>
          <Skip path={path} done={() => (setSkipping(false), changed())} />
        </Dialog>
      )}
    </Panel>
  );
}

function Skip({ path, done }: { path: { workflow_run_id: string; stage: string }; done: () => void }) {
  const { busy, problem, submit } = useForm(async (filled) => {
    const body = { reason: filled("reason") };
    await POST("/api/v1/workflow-runs/{workflow_run_id}/stages/{stage}/skip", { params: { path, header: requestKey() }, body });
    done();
  });
  return (
    <form class="flex flex-col gap-3" onSubmit={submit}>
      <label>
        <span class="label">Why; it stands in the run for ever</span>
        <input class="field" name="reason" required maxLength={1_000} />
      </label>
      <Refused text={problem} />
      <button class="btn-main self-start" disabled={busy}>
        Skip
      </button>
    </form>
  );
}

const DONE = { pause: "The run is paused: nothing new starts.", resume: "The run goes on.", cancel: "The run is cancelled: what its stages did is undone." };

function Steer({ run, changed }: { run: WorkflowRunView; changed: () => void }) {
  const [asked, setAsked] = useState(false);
  async function ask(what: keyof typeof DONE): Promise<void> {
    const params = { params: { path: { workflow_run_id: run.id }, header: requestKey() } };
    try {
      if (what === "pause") await POST("/api/v1/workflow-runs/{workflow_run_id}/pause", params);
      else if (what === "resume") await POST("/api/v1/workflow-runs/{workflow_run_id}/resume", params);
      else await POST("/api/v1/workflow-runs/{workflow_run_id}/cancel", params);
      tell(DONE[what]);
      changed();
    } catch (error) {
      refused(error, `Not done: ${what}`);
    }
  }
  if (OVER.includes(run.state)) return null;
  return (
    <>
      {run.state === "paused"
        ? may("resume_workflow_run") && (
            <button class="btn" onClick={() => void ask("resume")}>
              Resume
            </button>
          )
        : may("pause_workflow_run") && (
            <button class="btn" onClick={() => void ask("pause")}>
              Pause
            </button>
          )}
      {may("cancel_workflow_run") && (
        <button class="btn" onClick={() => setAsked(true)}>
          Cancel the run
        </button>
      )}
      {asked && (
        <Confirm heading="Cancel the run?" text="Its open cards are called off, and what its stages did is undone, the last first." button="Cancel the run" run={() => void ask("cancel")} close={() => setAsked(false)} />
      )}
    </>
  );
}
