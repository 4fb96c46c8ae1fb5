/** A workflow as it is written, in TOML or JSON: checked on the server while one types, and drawn as it would run. */
import { useEffect, useRef, useState } from "preact/hooks";
import { useLocation, useRoute } from "preact-iso";
import { data, GET, link, POST, PUT, requestKey } from "../../api/client";
import type { Fault, WorkflowDefinition } from "../../api/types";
import { useData } from "../../lib/use-data";
import { may } from "../../state/me";
import { refused, tell } from "../../state/toasts";
import { Graph } from "../../ui/graph";
import { Loading, Panel } from "../../ui/page";
import { WorkflowsFrame } from "../../ui/workflows-page";

const EXAMPLE = `name = "Two steps"
trigger = "manual"

[inputs.goal]
description = "What shall be true in the end"

[[stages]]
name = "build"
role = "developer"
[stages.task]
title = "Build it"
review = "none"

[[stages]]
name = "describe"
role = "documenter"
needs = ["build"]
approval = true
[stages.task]
title = "Describe it"
review = "none"
`;
const SETTLE_MS = 350;

interface Checked {
  faults: readonly Fault[];
  definition?: Record<string, unknown> | null;
}

interface Drawn {
  name: string;
  needs: readonly string[];
  role?: string;
  agents?: readonly string[];
  approval?: unknown;
}

export function EditWorkflowPage() {
  const { workflow } = useRoute().params;
  const { value, problem } = useData(() => textOf(workflow), [workflow]);
  return (
    <WorkflowsFrame heading={workflow ? "Edit a workflow" : "New workflow"} path="/workflows">
      {value === null ? <Loading problem={problem} /> : <Editor key={workflow ?? "new"} id={workflow} text={value} />}
    </WorkflowsFrame>
  );
}

async function textOf(workflow: string | undefined): Promise<string> {
  if (!workflow) return EXAMPLE;
  const shown = (await data(GET("/api/v1/workflows/{workflow_id}", { params: { path: { workflow_id: workflow } } }))) as WorkflowDefinition;
  return JSON.stringify(shown.definition, null, 2);
}

function Editor({ id, text: first }: { id: string | undefined; text: string }) {
  const { route } = useLocation();
  const [text, setText] = useState(first);
  const checked = useChecked(text);
  const writable = id ? may("set_workflow") : may("create_workflow");
  async function save(): Promise<void> {
    const body = checked?.definition as never;
    try {
      if (id) await PUT("/api/v1/workflows/{workflow_id}", { params: { path: { workflow_id: id } }, body });
      else await data(POST("/api/v1/workflows", { params: { header: requestKey() }, body }));
      tell("The workflow is saved. Runs that are under way end as they began.");
      route(link("/workflows"));
    } catch (error) {
      refused(error, "Not saved");
    }
  }
  const stages = ((checked?.definition?.stages ?? []) as Drawn[]).map((one) => ({ ...one, needs: one.needs ?? [] }));
  return (
    <>
      <Panel heading="Definition">
        <label>
          <span class="label">In TOML or JSON</span>
          <textarea class="area font-mono !min-h-90" spellcheck={false} readOnly={!writable} value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
        <Faults checked={checked} />
        {writable && (
          <button class="btn-main self-start" disabled={!checked?.definition || checked.faults.length > 0} onClick={() => void save()}>
            Save
          </button>
        )}
      </Panel>
      {stages.length > 0 && (
        <Panel heading="As it would run">
          <Graph
            nodes={stages}
            label="Stages"
            strong={() => false}
            box={(one) => (
              <div class="h-full border border-line rounded-lg bg-raised p-2.5 text-sm overflow-hidden">
                <strong>{one.name}</strong>
                <div class="text-soft truncate">{one.role ?? one.agents?.join(", ") ?? ""}</div>
                {one.approval ? <span class="tag">asks for approval</span> : null}
              </div>
            )}
          />
        </Panel>
      )}
    </>
  );
}

/** Null until the server has said something. The last answer wins, however late an earlier one comes. */
function useChecked(text: string): Checked | null {
  const [checked, setChecked] = useState<Checked | null>(null);
  const number = useRef(0);
  useEffect(() => {
    const mine = ++number.current;
    const timer = window.setTimeout(() => {
      data(POST("/api/v1/workflow-checks", { params: { header: requestKey() }, body: { text } })).then(
        (found) => mine === number.current && setChecked(found as Checked),
        (error: unknown) => mine === number.current && refused(error, "Not checked"),
      );
    }, SETTLE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return checked;
}

function Faults({ checked }: { checked: Checked | null }) {
  if (!checked) return <p class="muted">Being checked…</p>;
  if (!checked.faults.length)
    return (
      <p role="status" class="text-good text-sm">
        It can be saved.
      </p>
    );
  return (
    <ul role="alert" aria-label="Faults" class="m-0 p-0 list-none text-bad text-sm flex flex-col gap-1">
      {checked.faults.map((one) => (
        <li key={`${one.place}/${one.message}`}>
          {one.place && <span class="font-mono">{one.place}: </span>}
          {one.message}
        </li>
      ))}
    </ul>
  );
}
