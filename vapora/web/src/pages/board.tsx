/** The board: columns, filters, drag and drop, and any moment of the past. */
import { useEffect, useState } from "preact/hooks";
import { monitorForElements } from "@atlaskit/pragmatic-drag-and-drop/element/adapter";
import { extractClosestEdge } from "@atlaskit/pragmatic-drag-and-drop-hitbox/closest-edge";
import { useLocation, useRoute } from "preact-iso";
import { COLUMNS, HEADINGS, type Column } from "../api/types";
import { mayMove } from "../lib/columns";
import { at, columns, drawn, known, load, loaded, loadProjects, move, problem, project, projects, projectsLoaded, selected, selectNone } from "../state/board";
import { may } from "../state/me";
import { tell } from "../state/toasts";
import { BoardColumn } from "../ui/column";
import { BulkBar } from "../ui/bulk-bar";
import { FilterBar } from "../ui/filter-bar";
import { PauseBanner, PauseButton } from "../ui/pause";
import { Dialog } from "../ui/dialog";
import { ProjectForm } from "../ui/project-form";
import { ProjectTabs } from "../ui/project-tabs";
import { QuickAdd } from "../ui/quick-add";
import { TimeBar } from "../ui/time-bar";
import { Welcome } from "../ui/welcome";

export function BoardPage() {
  const { params, query } = useRoute();
  const wanted = params.project ?? null;
  const then = query.at ?? "";
  useEffect(() => {
    project.value = wanted;
    at.value = then;
    selectNone();
    void load();
    void loadProjects();
  }, [wanted, then]);
  useEffect(() => monitorForElements({ onDrop: dropped }), []);
  useEffect(() => {
    const escape = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !event.defaultPrevented) selectNone();
    };
    addEventListener("keydown", escape);
    return () => removeEventListener("keydown", escape);
  }, []);

  const name = projects.value.find((one) => one.id === wanted)?.name;
  useEffect(() => {
    document.title = name ? `${name} · VAPORA` : "Board · VAPORA";
  }, [name]);
  if (problem.value && !loaded.value) return <Unreached />;
  return (
    <div class="h-full flex flex-col gap-3 p-3 min-h-0">
      <h1 class="sr">Board</h1>
      {/* One line where there is room; what is not known yet keeps its place, so that nothing moves when it comes. */}
      <div class={`flex flex-wrap gap-2 items-center ${at.value ? "" : "xl:flex-nowrap"}`}>
        <ProjectPicker />
        {wanted && <ProjectTabs project={wanted} current="board" />}
        {!at.value && <QuickAdd />}
        <FilterBar />
        <TimeBar />
        <PauseButton />
      </div>
      <PauseBanner />
      {selected.value.size > 0 && <BulkBar />}
      {loaded.value && projectsLoaded.value && projects.value.length === 0 && !at.value ? (
        <Welcome />
      ) : (
        <div data-position={drawn.value} class="grow min-h-0 flex gap-3 overflow-x-auto snap-x snap-proximity pb-1">
          {COLUMNS.map((column) => (
            <BoardColumn key={column} column={column} />
          ))}
        </div>
      )}
    </div>
  );
}

const ANOTHER = "+";

function ProjectPicker() {
  const { route } = useLocation();
  const [making, setMaking] = useState(false);
  function choose(select: HTMLSelectElement): void {
    if (select.value !== ANOTHER) return route((select.value ? `/p/${select.value}` : "/") + location.search);
    select.value = project.value ?? "";
    setMaking(true);
  }
  return (
    <>
      <select class="field !w-40" aria-label="Project" value={project.value ?? ""} onChange={(event) => choose(event.currentTarget)}>
        <option value="">All projects</option>
        {projects.value.map((one) => (
          <option key={one.id} value={one.id}>
            {one.name}
          </option>
        ))}
        {!at.value && may("create_project") && <option value={ANOTHER}>New project…</option>}
      </select>
      {making && (
        <Dialog heading="New project" close={() => setMaking(false)}>
          <ProjectForm done={() => setMaking(false)} />
        </Dialog>
      )}
    </>
  );
}

function Unreached() {
  const [trying, setTrying] = useState(false);
  return (
    <div class="p-8 max-w-160 mx-auto">
      <div class="glass p-6 flex flex-col gap-3" role="alert">
        <h1>The board cannot be shown</h1>
        <p>{problem.value}</p>
        <button class="btn-main self-start" disabled={trying} onClick={() => (setTrying(true), void load().finally(() => setTrying(false)))}>
          Try again
        </button>
      </div>
    </div>
  );
}

interface Drop {
  source: { data: Record<string | symbol, unknown> };
  location: { current: { dropTargets: { data: Record<string | symbol, unknown> }[] } };
}

/** Where a card was let go, in front of which other card. */
function dropped({ source, location: place }: Drop): void {
  const id = source.data.card as string;
  const targets = place.current.dropTargets;
  const to = targets.find((one) => "column" in one.data)?.data.column as Column | undefined;
  const card = known(id);
  if (!to || !card) return;
  const from = card.state as Column;
  if (!mayMove(from, to)) {
    if (from !== to) tell(`A card in “${HEADINGS[from]}” cannot be moved to “${HEADINGS[to]}”.`, "bad", why(to));
    return;
  }
  const over = targets.find((one) => "over" in one.data);
  const before = to === "todo" && over ? inFront(over.data, id) : null;
  if (from === to && before === null && columns.peek()[to].at(-1)?.id === id) return;
  void move(id, to, before);
}

function inFront(data: Record<string | symbol, unknown>, moved: string): string | null {
  const line = columns.peek().todo.filter((one) => one.id !== moved);
  const place = line.findIndex((one) => one.id === data.over);
  const at = extractClosestEdge(data) === "bottom" ? place + 1 : place;
  return line[at]?.id ?? null;
}

const why = (to: Column): string =>
  to === "in-progress" ? "Agents take cards from To do by themselves." : to === "done" ? "Only a card in Review can be approved." : "";
