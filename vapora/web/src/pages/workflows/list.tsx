/** What workflows there are: those that ship, one's own, and those of files. */
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { data, DELETE, GET, link, POST, requestKey } from "../../api/client";
import type { Workflow, WorkflowDefinition } from "../../api/types";
import { useForm } from "../../lib/form";
import { allPages } from "../../lib/pages";
import { useData } from "../../lib/use-data";
import { loadProjects } from "../../state/board";
import { may } from "../../state/me";
import { refused, tell } from "../../state/toasts";
import { Confirm } from "../../ui/confirm";
import { Dialog } from "../../ui/dialog";
import { Refused } from "../../ui/outside";
import { Loading } from "../../ui/page";
import { ProjectSelect } from "../../ui/project-select";
import { WorkflowsFrame } from "../../ui/workflows-page";

const all = () => allPages<Workflow>((cursor) => data(GET("/api/v1/workflows", { params: { query: cursor ? { cursor } : {} } })));
const SOURCES: Record<string, string> = { shipped: "ships with VAPORA", api: "made here", file: "from a file", repository: "from the project's repository" };

export function WorkflowsPage() {
  const { value, problem, reload } = useData(all, [], (frame) => frame.rows.some(({ view }) => view === "workflow"));
  return (
    <WorkflowsFrame
      heading="Workflows"
      path="/workflows"
      aside={
        may("create_workflow") && (
          <a class="btn-main" href={link("/workflows/new")}>
            New workflow
          </a>
        )
      }
    >
      <p class="muted">A workflow takes a goal through stages: its cards are ordinary cards, and people approve where it says so.</p>
      {!value ? (
        <Loading problem={problem} />
      ) : (
        <ul class="m-0 p-0 list-none grid md:grid-cols-2 gap-3" aria-label="Workflows">
          {value.map((one) => (
            <li key={one.id} class="glass frosted p-4">
              <One workflow={one} changed={reload} />
            </li>
          ))}
        </ul>
      )}
    </WorkflowsFrame>
  );
}

function One({ workflow, changed }: { workflow: Workflow; changed: () => void }) {
  const [open, setOpen] = useState<"start" | "remove" | null>(null);
  // Its file has a fault, and there is no version before.
  const isNothingYet = workflow.version === 0 && workflow.source !== "shipped";
  async function remove(): Promise<void> {
    try {
      await DELETE("/api/v1/workflows/{workflow_id}", { params: { path: { workflow_id: workflow.id } } });
      tell(`“${workflow.name}” is removed. Runs that are under way end as they began.`);
      changed();
    } catch (error) {
      refused(error, "Not removed");
    }
  }
  return (
    <article class="flex flex-col gap-2 h-full" aria-label={workflow.name}>
      <h2>{workflow.name}</h2>
      {workflow.description && <p class="text-sm">{workflow.description}</p>}
      {workflow.problem && (
        <p role="alert" class="text-bad text-sm">
          {workflow.problem}
        </p>
      )}
      <p class="flex flex-wrap gap-1">
        {workflow.stages.map((one) => (
          <span key={one} class="tag">
            {one}
          </span>
        ))}
      </p>
      <p class="muted">
        {SOURCES[workflow.source]}
        {workflow.version > 0 && `, version ${workflow.version}`}
        {workflow.file && `: ${workflow.file}`}
      </p>
      <span class="grow" />
      <div class="flex flex-wrap gap-2">
        {!isNothingYet && may("start_workflow_run") && (
          <button class="btn-main" aria-label={`Start ${workflow.name}`} onClick={() => setOpen("start")}>
            Start
          </button>
        )}
        {!isNothingYet && (
          <a class="btn" href={link(`/workflows/edit/${workflow.id}`)} aria-label={`${may("set_workflow") ? "Edit" : "Look at"} ${workflow.name}`}>
            {may("set_workflow") ? "Edit" : "Look"}
          </a>
        )}
        {!isNothingYet && workflow.source !== "shipped" && may("remove_workflow") && (
          <button class="btn-quiet" aria-label={`Remove ${workflow.name}`} onClick={() => setOpen("remove")}>
            Remove
          </button>
        )}
      </div>
      {open === "start" && (
        <Dialog heading={`Start ${workflow.name}`} close={() => setOpen(null)}>
          <Start workflow={workflow} />
        </Dialog>
      )}
      {open === "remove" && (
        <Confirm heading={`Remove ${workflow.name}?`} text="Runs that are under way end as they began." button="Remove" run={() => void remove()} close={() => setOpen(null)} />
      )}
    </article>
  );
}

interface Input {
  description?: string;
  default?: unknown;
  required?: boolean;
}

async function inputsOf(workflow: string): Promise<Record<string, Input>> {
  // The form offers them: sent before they are there, a run would begin without a project.
  await loadProjects();
  const shown = (await data(GET("/api/v1/workflows/{workflow_id}", { params: { path: { workflow_id: workflow } } }))) as WorkflowDefinition;
  return (shown.definition.inputs ?? {}) as Record<string, Input>;
}

function Start({ workflow }: { workflow: Workflow }) {
  const { route } = useLocation();
  const { value, problem: unread } = useData(() => inputsOf(workflow.id), [workflow.id]);
  const { busy, problem, submit } = useForm(async (filled) => {
    const inputs = Object.fromEntries(
      Object.keys(value ?? {})
        .map((name) => [name, filled(`input-${name}`)])
        .filter(([, text]) => text !== ""),
    );
    const path = { workflow_id: workflow.id };
    const body = { inputs, project_id: filled("project") || null } as never;
    const made = (await data(POST("/api/v1/workflows/{workflow_id}/runs", { params: { path, header: requestKey() }, body }))) as { id: string };
    route(link(`/workflows/runs/${made.id}`));
  });
  if (!value) return <Loading problem={unread} />;
  return (
    <form class="flex flex-col gap-3" onSubmit={submit}>
      <ProjectSelect />
      {Object.entries(value).map(([name, input]) => (
        <label key={name}>
          <span class="label">
            {name}
            {input.description && `: ${input.description}`}
          </span>
          <textarea class="area !min-h-16" name={`input-${name}`} defaultValue={input.default == null ? "" : String(input.default)} />
        </label>
      ))}
      <Refused text={problem} />
      <button class="btn-main self-start" disabled={busy}>
        Start
      </button>
    </form>
  );
}
