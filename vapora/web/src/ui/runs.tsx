/** The runs of a card, each with its steps and its work product. */
import { useState } from "preact/hooks";
import { data, GET, link, POST } from "../api/client";
import type { Run } from "../api/types";
import { count, dollars, duration, moment } from "../lib/format";
import { may } from "../state/me";
import { preferences } from "../state/preferences";
import { refused } from "../state/toasts";
import { Calls } from "./calls";
import { Steps } from "./work/steps";
import { decide } from "./work/state";

export function Runs({ runs }: { runs: readonly Run[] }) {
  if (!runs.length) return <p class="muted">No agent has begun.</p>;
  return (
    <ol class="m-0 p-0 list-none flex flex-col gap-3">
      {[...runs].reverse().map((run) => (
        <li key={run.run_id}>
          <RunView run={run} />
        </li>
      ))}
    </ol>
  );
}

const COLOURS: Record<string, string> = { succeeded: "text-good", failed: "text-bad", waiting: "text-warn" };

function RunView({ run }: { run: Run }) {
  const zone = preferences.value.zone || undefined;
  return (
    <div class="border border-line rounded-lg p-3 flex flex-col gap-2 bg-raised">
      <div class="flex flex-wrap gap-x-4 gap-y-1 text-sm items-baseline">
        <strong class={COLOURS[run.state] ?? ""}>{run.state}</strong>
        <a href={link(`/agents/${run.agent_id}`)}>{run.agent_id}</a>
        <span class="text-soft">{moment(run.started_at, zone)}</span>
        {run.duration_ms != null && <span class="text-soft">{duration(run.duration_ms)}</span>}
        <span class="text-soft">
          {count(run.tokens_in)} tokens in, {count(run.tokens_out)} out
        </span>
        <span>
          {dollars(run.cost_microusd)}
          {run.simulated ? " simulated" : ""}
        </span>
        {run.providers.length > 0 && <span class="text-soft">{run.providers.join(", ")}</span>}
      </div>
      {run.steps.length > 0 ? (
        <ol class="m-0 pl-5 text-sm" aria-label="Steps">
          {run.steps.map((step, index) => (
            <li key={step} class={index < run.steps_done ? "" : "text-soft"}>
              {step} {index < run.steps_done ? "✓" : index === run.steps_done && run.state === "running" ? "…" : ""}
            </li>
          ))}
        </ol>
      ) : (
        <RunSteps run={run} />
      )}
      {(run.state === "running" || run.state === "waiting") && <Controls run={run} />}
      {run.reason && <p class="text-sm text-bad break-words">{run.reason}</p>}
      <Calls run={run} />
      {run.summary && <p class="text-sm break-words" dir="auto">{run.summary}</p>}
      {run.artifacts.map((one) => (
        <ArtifactView key={one.name} run={run.run_id} name={one.name} size={one.size} />
      ))}
    </div>
  );
}

/** Open while it runs; later on demand, since a run may have hundreds of steps. */
function RunSteps({ run }: { run: Run }) {
  const [open, setOpen] = useState(run.state === "running" || run.state === "waiting");
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary class="cursor-pointer text-sm">Steps ({count(run.calls)} answers of the model)</summary>
      {open && <Steps run={run} />}
    </details>
  );
}

function Controls({ run }: { run: Run }) {
  const params = { path: { run_id: run.run_id } };
  if (!may("pause_run", "resume_run", "cancel_run")) return null;
  return (
    <div class="flex flex-wrap gap-2">
      <button class="btn" onClick={() => void decide((header) => POST("/api/v1/runs/{run_id}/pause", { params: { ...params, header }, body: {} as never }), "It pauses after what is under way.", "Not paused")}>
        Pause
      </button>
      <button class="btn" onClick={() => void decide((header) => POST("/api/v1/runs/{run_id}/resume", { params: { ...params, header } }), "It goes on.", "Not resumed")}>
        Resume
      </button>
      <button class="btn" onClick={() => void decide((header) => POST("/api/v1/runs/{run_id}/cancel", { params: { ...params, header }, body: {} as never }), "The run is cancelled.", "Not cancelled")}>
        Cancel the run
      </button>
    </div>
  );
}

function ArtifactView({ run, name, size }: { run: string; name: string; size: number }) {
  const [text, setText] = useState<string | null>(null);
  async function open(event: Event): Promise<void> {
    if (!(event.currentTarget as HTMLDetailsElement).open || text !== null) return;
    try {
      const params = { path: { run_id: run, name } };
      const found = await data(GET("/api/v1/runs/{run_id}/artifacts/{name}", { params, parseAs: "text" }));
      setText(String(found));
    } catch (error) {
      refused(error, `“${name}” could not be loaded`);
    }
  }
  return (
    <details class="border border-line rounded-lg p-2" onToggle={(event) => void open(event)}>
      <summary class="cursor-pointer text-sm">
        {name} <span class="text-soft">({count(size)} bytes)</span>
      </summary>
      {text === null ? null : <pre class="mt-2 max-h-120 overflow-auto" tabIndex={0} dir="auto">{text}</pre>}
    </details>
  );
}
