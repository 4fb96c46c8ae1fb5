/** A run as it goes on: answers of the model, tools, checks and the verdict of a review, one below the other. */
import { useEffect, useState } from "preact/hooks";
import { data, GET, link } from "../../api/client";
import type { Change, Run, Step } from "../../api/types";
import { count, dollars, duration } from "../../lib/format";
import { allPages } from "../../lib/pages";
import { justBefore, latest, merged, type ShownStep } from "../../lib/steps";
import { useData } from "../../lib/use-data";
import { onFrame, onRestart } from "../../state/live";
import { refused } from "../../state/toasts";
import { Loading } from "../page";

const PAGE = 100;

const stepsOf = (run: string): Promise<readonly Step[]> =>
  allPages((cursor) => data(GET("/api/v1/runs/{run_id}/steps", { params: { path: { run_id: run }, query: { limit: PAGE, ...(cursor ? { cursor } : {}) } } })));

const MARKS: Record<Step["state"], string> = { running: "…", done: "✓", failed: "✗", cancelled: "–" };
const COLOURS: Record<Step["state"], string> = { running: "text-accent", done: "text-good", failed: "text-bad", cancelled: "text-soft" };
const SAID: Record<Step["state"], string> = { running: "under way", done: "done", failed: "failed", cancelled: "not done" };

export function Steps({ run }: { run: Run }) {
  const { value, problem, reload } = useData(() => stepsOf(run.run_id), [run.run_id]);
  // What came since, by the socket: the list is read once, however many steps a run has.
  const [live, setLive] = useState<readonly Change[]>([]);
  useEffect(() => {
    const off = onFrame(({ rows }) => {
      const ours = rows.filter((one) => one.view === "step" && one.row.run_id === run.run_id);
      if (ours.length) setLive((before) => latest([...before, ...ours]));
    });
    const again = onRestart(() => (setLive([]), reload()));
    return () => (off(), again());
  }, [run.run_id]);
  if (!value) return <Loading problem={problem} />;
  const steps = merged(value, live);
  if (!steps.length) return <p class="muted">Nothing is done yet.</p>;
  return (
    <ol class="m-0 p-0 list-none flex flex-col border-l-2 border-line ml-1.5" aria-label="Steps">
      {steps.map((step) => (
        <li key={step.id} class="pl-3 -ml-px">
          <StepView step={step} />
        </li>
      ))}
    </ol>
  );
}

/** A frame has no texts: who opens a step that came by one asks for them. */
async function whole(step: ShownStep): Promise<Step> {
  const query = { cursor: justBefore(step.cursor), limit: 1, after: step.position };
  const page = (await data(GET("/api/v1/runs/{run_id}/steps", { params: { path: { run_id: step.run_id }, query } }))) as { items: Step[] };
  return page.items[0]?.id === step.id ? page.items[0] : step;
}

function StepView({ step: shown }: { step: ShownStep }) {
  const [open, setOpen] = useState(false);
  const [found, setFound] = useState<Step | null>(null);
  const step = found && found.position >= shown.position ? found : shown;
  const lacking = open && shown.bare && step === shown;
  useEffect(() => {
    if (lacking) whole(shown).then(setFound, (error: unknown) => refused(error, "The step could not be loaded"));
  }, [lacking, shown.position]);
  return (
    <details class="py-1" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary class="cursor-pointer text-sm flex flex-wrap gap-x-3 items-baseline list-none">
        <span class={`w-4 text-center ${COLOURS[step.state]} ${step.state === "running" ? "pulse" : ""}`} title={SAID[step.state]}>
          <span aria-hidden="true">{MARKS[step.state]}</span>
          <span class="sr">{SAID[step.state]}</span>
        </span>
        <span class="tag">{step.kind}</span>
        <span class="min-w-0 grow basis-60 break-words" dir="auto">
          {step.line}
        </span>
        {step.exit_code != null && step.exit_code !== 0 && <span class="text-bad text-xs">exit code {step.exit_code}</span>}
        {step.server && <span class="text-soft text-xs">by the server {step.server}</span>}
        {step.duration_ms != null && <span class="text-soft text-xs">{duration(step.duration_ms)}</span>}
        {step.cost_microusd > 0 && <span class="text-soft text-xs">{dollars(step.cost_microusd)}</span>}
      </summary>
      {open && <Detail step={step} />}
    </details>
  );
}

function Detail({ step }: { step: Step }) {
  return (
    <div class="pl-7 py-1 flex flex-col gap-2 text-sm">
      {step.error && <p class="text-bad break-words">{step.error}</p>}
      {step.kind === "model" && (
        <p class="text-soft text-xs">
          {step.name}: {count(step.tokens_in)} tokens in, {count(step.tokens_out)} out
        </p>
      )}
      {step.arguments != null && <Text run={step.run_id} label="Arguments" value={step.arguments} />}
      {step.result != null && <Text run={step.run_id} label={step.kind === "model" ? "Answer" : "Result"} value={step.result} />}
      <p class="text-soft text-xs">
        {step.commit && <>Branch at {step.commit.slice(0, 10)}. </>}
        {step.sandbox && <>Sandbox: {step.sandbox}. </>}
        {step.truncated && <>Not all of it is shown. </>}
        <a href={link(`/log?at=${step.position}`)}>#{step.position}</a>
      </p>
    </div>
  );
}

interface Stored {
  sha256: string;
  bytes: number;
}

const isStored = (value: unknown): value is Stored => typeof value === "object" && value !== null && "sha256" in value && "bytes" in value;

function Text({ run, label, value }: { run: string; label: string; value: unknown }) {
  const [loaded, setLoaded] = useState<string | null>(null);
  async function load(stored: Stored): Promise<void> {
    try {
      const params = { path: { run_id: run, sha256: stored.sha256 } };
      setLoaded(String(await data(GET("/api/v1/runs/{run_id}/content/{sha256}", { params, parseAs: "text" }))));
    } catch (error) {
      refused(error, `${label} could not be loaded`);
    }
  }
  if (isStored(value) && loaded === null) {
    return (
      <button class="btn self-start" onClick={() => void load(value)}>
        {label}: load {count(value.bytes)} bytes
      </button>
    );
  }
  const text = loaded ?? (typeof value === "string" ? value : JSON.stringify(value, null, 2));
  if (!text) return null;
  return (
    <div>
      <p class="text-xs text-soft">{label}</p>
      <pre class="max-h-100 overflow-auto border border-line rounded-lg p-2" tabIndex={0} dir="auto" aria-label={label} role="region">
        {text}
      </pre>
    </div>
  );
}
