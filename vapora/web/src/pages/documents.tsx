/** Documents: what there is, what says the same, and how finished work gets into them. */
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { data, GET, link, POST, PUT, requestKey } from "../api/client";
import type { Documentation, DocumentSummary, DuplicatePair } from "../api/types";
import { useForm } from "../lib/form";
import { moment, title } from "../lib/format";
import { allPages } from "../lib/pages";
import { useData } from "../lib/use-data";
import { loadProjects, projects } from "../state/board";
import { may } from "../state/me";
import { preferences } from "../state/preferences";
import { refused, tell } from "../state/toasts";
import { Choice } from "../ui/field";
import { Listing } from "../ui/listing";
import { Refused } from "../ui/outside";
import { Loading, Page, Panel } from "../ui/page";
import { ProjectSelect } from "../ui/project-select";

export const KINDS = ["readme", "changelog", "adr", "roadmap", "guide", "reference", "runbook", "presentation", "note"] as const;
const STATES = ["draft", "published", "archived"] as const;
const RULES = { off: "Not at all", each: "By a card for each finished card", batched: "By one open card a project" } as const;

const all = (cursor: string | undefined) => data(GET("/api/v1/documents", { params: { query: { limit: 500, ...(cursor ? { cursor } : {}) } } }));

export function DocumentsPage() {
  const load = () => {
    void loadProjects();
    return allPages<DocumentSummary>(all);
  };
  const { value, problem, reload } = useData(load, [], (frame) => frame.rows.some(({ view }) => view === "document"));
  const [kind, setKind] = useState("");
  const [state, setState] = useState("");
  const [project, setProject] = useState("");
  const shown = value?.filter((one) => (!kind || one.kind === kind) && (!project || one.project_id === project) && (state ? one.state === state : one.state !== "archived")) ?? null;
  const named = (id: string | null | undefined) => projects.value.find((one) => one.id === id)?.name ?? "";
  return (
    <Page heading="Documents">
      <div class="flex flex-wrap gap-3 items-end">
        <Choice label="Kind" value={kind} set={setKind} options={KINDS.map((one) => [one, title(one)] as const)} none="All kinds" />
        <Choice label="State" value={state} set={setState} options={STATES.map((one) => [one, title(one)] as const)} none="Not archived" />
        <Choice label="Project" value={project} set={setProject} options={projects.value.map((one) => [one.id, one.name] as const)} none="All projects" />
      </div>
      <Listing
        name="Documents"
        columns={["Title", "Kind", "State", "Version", "Project", "Kept at", "Changed"]}
        items={shown}
        problem={problem}
        empty="There are no such documents."
        row={(one) => (
          <tr key={one.id}>
            <td dir="auto">
              <a href={link(`/documents/${one.id}`)}>{one.title}</a>
            </td>
            <td>{title(one.kind)}</td>
            <td>{title(one.state)}</td>
            <td class="num">{one.version}</td>
            <td dir="auto">{named(one.project_id)}</td>
            <td>{one.path}</td>
            <td>{moment(one.updated_at, preferences.value.zone || undefined)}</td>
            <td />
          </tr>
        )}
      />
      <div class="grid lg:grid-cols-2 gap-4 items-start">
        {may("create_document") && <Write />}
        <Duplicates />
        <Keeping />
        {may("draw_documents") && <Draw drawn={reload} />}
      </div>
    </Page>
  );
}

function Write() {
  const { route } = useLocation();
  const form = useForm(async (filled) => {
    const given = { kind: filled("kind"), project_id: filled("project"), path: filled("path") };
    const body = { title: filled("title"), text: filled("text"), ...Object.fromEntries(Object.entries(given).filter(([, value]) => value)) };
    const made = (await data(POST("/api/v1/documents", { params: { header: requestKey() }, body: body as never }))) as { id: string };
    route(link(`/documents/${made.id}`));
  });
  return (
    <Panel heading="Write a document">
      <form class="flex flex-col gap-3" onSubmit={form.submit}>
        <label>
          <span class="label">Title</span>
          <input class="field" name="title" required minLength={3} maxLength={500} />
        </label>
        <label>
          <span class="label">Text, in Markdown</span>
          <textarea class="area" name="text" maxLength={400_000} />
        </label>
        <div class="grid sm:grid-cols-3 gap-3">
          <label>
            <span class="label">Kind</span>
            <select class="field" name="kind">
              <option value="">As it reads</option>
              {KINDS.map((one) => (
                <option key={one} value={one}>
                  {title(one)}
                </option>
              ))}
            </select>
          </label>
          <ProjectSelect none="The whole workspace" />
          <label>
            <span class="label">Kept in its repository at</span>
            <input class="field" name="path" maxLength={500} placeholder="docs/guide.md" />
          </label>
        </div>
        <Refused text={form.problem} />
        <button class="btn-main self-start" disabled={form.busy}>
          Write it
        </button>
      </form>
    </Panel>
  );
}

function Duplicates() {
  const load = async () => ((await data(GET("/api/v1/documentation/duplicates", {}))) as { items: DuplicatePair[] }).items;
  const { value, problem, reload } = useData(load, [], (frame) => frame.rows.some(({ view }) => view === "document"));
  async function merge(gone: DocumentSummary, into: DocumentSummary): Promise<void> {
    try {
      const path = { document_id: gone.id };
      await data(POST("/api/v1/documents/{document_id}/merge", { params: { path, header: requestKey() }, body: { into: into.id } as never }));
      tell(`“${gone.title}” is archived; “${into.title}” stands for both.`);
      reload();
    } catch (error) {
      refused(error, "Not merged");
    }
  }
  return (
    <Panel heading="Documents that say the same">
      {!value && <Loading problem={problem} />}
      {value?.length === 0 && <p class="muted">No two of them do.</p>}
      <ul class="m-0 p-0 list-none flex flex-col gap-3" aria-label="Duplicates">
        {value?.map(({ one, other, score }) => (
          <li key={`${one.id}/${other.id}`} class="border border-line rounded-lg bg-raised p-3 flex flex-col gap-2 text-sm">
            <p dir="auto">
              <a href={link(`/documents/${one.id}`)}>{one.title}</a> and <a href={link(`/documents/${other.id}`)}>{other.title}</a>, {Math.round(score * 100)} % alike
            </p>
            {may("merge_document") && (
              <div class="flex flex-wrap gap-2">
                <button class="btn" onClick={() => void merge(other, one)}>
                  Keep “{one.title}”
                </button>
                <button class="btn" onClick={() => void merge(one, other)}>
                  Keep “{other.title}”
                </button>
              </div>
            )}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Keeping() {
  const [after, setAfter] = useState(0);
  const load = async () => (await data(GET("/api/v1/documentation", { params: { query: after ? { after } : {} } }))) as Documentation;
  const { value, problem, reload } = useData(load, [after], (frame) => frame.rows.some(({ view }) => view === "task"));
  async function set(rule: string, project_id?: string): Promise<void> {
    try {
      await data(PUT("/api/v1/documentation", { body: { rule: rule || null, ...(project_id ? { project_id } : {}) } as never }));
      setAfter(0);
      reload();
    } catch (error) {
      refused(error, "Not changed");
    }
  }
  const named = (id: string) => projects.value.find((one) => one.id === id)?.name ?? id;
  const options = Object.entries(RULES);
  return (
    <Panel heading="How finished work is documented">
      {!value ? (
        <Loading problem={problem} />
      ) : (
        <>
          <p class="muted">The documenter brings the documents up to date by ordinary cards, for work that is finished from now on.</p>
          {may("set_documentation") ? (
            <>
              <Choice label="In the workspace" value={value.rule} set={(rule) => void set(rule)} options={options} />
              {value.projects.map((one) => (
                <Choice key={one.project_id} label={`In ${named(one.project_id)}`} value={one.rule ?? ""} set={(rule) => void set(rule, one.project_id)} options={options} none="As in the workspace" />
              ))}
            </>
          ) : (
            <p class="text-sm">{RULES[value.rule]}</p>
          )}
          {value.cards.length > 0 && (
            <ul class="m-0 ps-5 text-sm" aria-label="Documentation cards">
              {value.cards.slice(0, 5).map((one) => (
                <li key={one.task_id}>
                  <a href={link(`/t/${one.task_id}`)}>A card</a> for {one.of_tasks.length === 1 ? "one finished card" : `${one.of_tasks.length} finished cards`}, {moment(one.at, preferences.value.zone || undefined)}
                </li>
              ))}
            </ul>
          )}
        </>
      )}
    </Panel>
  );
}

function Draw({ drawn }: { drawn: () => void }) {
  const [busy, setBusy] = useState(false);
  async function draw(of: "decisions" | "presentations"): Promise<void> {
    setBusy(true);
    try {
      const found = (await data(POST("/api/v1/documentation/draw", { params: { header: requestKey() }, body: { of } as never }))) as { items: unknown[] };
      tell(found.items.length ? `The log holds ${found.items.length}: each is a document now.` : "The log holds none yet.");
      drawn();
    } catch (error) {
      refused(error, "Not drawn");
    } finally {
      setBusy(false);
    }
  }
  return (
    <Panel heading="From the log">
      <p class="muted">Decisions of architects, decision-makers and people become drafts of decision records, each once.</p>
      <div class="flex flex-wrap gap-2">
        <button class="btn" disabled={busy} onClick={() => void draw("decisions")}>
          Draw decision records
        </button>
        <button class="btn" disabled={busy} onClick={() => void draw("presentations")}>
          Take over presentations
        </button>
      </div>
    </Panel>
  );
}
