/** The cards that this page knows, kept current by live frames. */
import { batch, computed, signal } from "@preact/signals";
import { ApiError, data, GET, PATCH, POST, requestKey } from "../api/client";
import { COLUMNS, HEADINGS, type Board, type Card, type Column, type Frame, type Pause, type Project } from "../api/types";
import { between, forEach, summary } from "../lib/bulk";
import { arrange, inOrder, isColumn, sameOrNew, totals, type PendingMove } from "../lib/columns";
import { fits, readFilter, withFilter, type Filter } from "../lib/filter";
import { follow, onFrame, onRestart } from "./live";
import { refused, tell } from "./toasts";

type PerColumn<T> = Record<Column, T>;
const each = <T>(make: (column: Column) => T): PerColumn<T> =>
  Object.fromEntries(COLUMNS.map((one) => [one, make(one)])) as PerColumn<T>;

const cards = signal<ReadonlyMap<string, Card>>(new Map());
const pending = signal<readonly PendingMove[]>([]);
/** Edits that the server has not answered yet, by card. */
const guesses = signal<ReadonlyMap<string, Partial<Card>>>(new Map());
type Counts = Readonly<Record<string, number>>;
/** The cards of each project by state; of the shown project alone where there is one. */
const countsByProject = signal<ReadonlyMap<string, Counts>>(new Map());
export const counts = computed(() => totals(countsByProject.value.values()));
const cursors = signal(each<string | null>(() => null));
export const projects = signal<readonly Project[]>([]);
export const project = signal<string | null>(null);
/** A position or an instant: the board as it was then, which nobody can change. Empty: the present. */
export const at = signal("");
export const loaded = signal(false);
/** The workspace and projects of which nothing starts now. */
export const pauses = signal<readonly Pause[]>([]);
/** The position of the log that the cards on the page include. */
export const drawn = signal(0);
export const problem = signal<string>("");
export const filter = signal<Filter>(readFilter(location.search));
export const selected = signal<ReadonlySet<string>>(new Set());

export const columns = computed(() => {
  const edits = guesses.value;
  const all = [...cards.value.values()];
  const current = edits.size ? all.map((card) => ({ ...card, ...edits.get(card.id) })) : all;
  const wanted = current.filter((card) => fits(card, filter.value));
  return arrange(wanted, pending.value);
});
/** Of each column alone; the same list as before where none of its cards has changed, so that it is not drawn anew. */
export const cardsOf = each((column) => {
  let kept: readonly Card[] = [];
  return computed(() => (kept = sameOrNew(kept, columns.value[column])));
});
export const hasMore = computed(() => each((column) => cursors.value[column] !== null));
export const known = (id: string): Card | undefined => cards.value.get(id);
export const allCards = computed(() => [...cards.value.values()]);
export const titleOf = (id: string): string | undefined => cards.peek().get(id)?.title;

export function narrow(change: Partial<Filter>): void {
  filter.value = { ...filter.value, ...change };
  history.replaceState(null, "", location.pathname + withFilter(location.search, filter.value));
}

let asked = 0;
/** Frames that came while a board was asked for; null while none is. The answer may be older than they are. */
let meanwhile: Frame[] | null = null;
/** Frames that are not drawn yet. */
let waiting: Frame[] = [];
let drawing = 0;

/** Load the first page of every column; then follow. A later call wins over an earlier one that is still out. */
export async function load(): Promise<void> {
  const number = ++asked;
  meanwhile = [];
  try {
    const query = { ...(project.value ? { project_id: project.value } : {}), ...(at.value ? { at: at.value } : {}) };
    const board = await data(GET("/api/v1/board", { params: { query } }));
    if (number !== asked) return;
    batch(() => {
      show(board, new Map());
      countsByProject.value = new Map(Object.entries(board.counts_by_project ?? {}));
      const newer = meanwhile?.filter((frame) => frame.position > board.position) ?? [];
      meanwhile = null;
      // What was not drawn yet is in the answer or in `newer`.
      waiting = [];
      drawn.value = board.position;
      pauses.value = board.paused;
      if (!at.value) apply(newer);
      problem.value = "";
      loaded.value = true;
    });
    if (!at.value) follow(board.position);
  } catch (error) {
    if (number !== asked) return;
    meanwhile = null;
    problem.value = error instanceof Error ? error.message : String(error);
  }
}

/** The next page of a column. */
export async function more(column: Column): Promise<void> {
  const cursor = cursors.value[column];
  if (cursor === null) return;
  cursors.value = { ...cursors.value, [column]: null };
  const query = {
    column,
    cursor,
    ...(project.value ? { project_id: project.value } : {}),
    ...(at.value ? { at: at.value } : {}),
  };
  try {
    show(await data(GET("/api/v1/board", { params: { query } })), new Map(cards.value));
  } catch (error) {
    cursors.value = { ...cursors.value, [column]: cursor };
    refused(error, `More of “${HEADINGS[column]}” could not be loaded`);
  }
}

function show(board: Board, into: Map<string, Card>): void {
  for (const column of Object.values(board.columns)) {
    for (const card of column) {
      const before = into.get(card.id);
      if (!before || before.position < card.position) into.set(card.id, card);
    }
  }
  batch(() => {
    cards.value = into;
    cursors.value = { ...cursors.value, ...board.next };
  });
}

/** Whether the projects are known: until then, none does not mean that there are none. */
export const projectsLoaded = signal(false);
let projectsAsked = 0;
let projectsTaken = 0;

/** A later call wins over an earlier one whose answer comes after it. */
export async function loadProjects(): Promise<void> {
  const number = ++projectsAsked;
  const { items } = await data(GET("/api/v1/projects", { params: { query: { limit: 200 } } }));
  if (number < projectsTaken) return;
  projectsTaken = number;
  batch(() => {
    projects.value = items;
    projectsLoaded.value = true;
  });
}

// Frames may come by the hundred: they are applied once for each picture that is drawn.
onFrame((frame: Frame) => {
  if (at.value) return;
  meanwhile?.push(frame);
  if (frame.rows.some(({ view }) => view === "project")) void loadProjects();
  if (!frame.rows.some(({ view }) => view === "task" || view === "column" || view === "pause")) return;
  waiting.push(frame);
  // A page in the background draws nothing, but must not fall behind without bound.
  if (!drawing) drawing = document.hidden ? window.setTimeout(draw, 500) : requestAnimationFrame(draw);
});
onRestart(() => void load());

function draw(): void {
  drawing = 0;
  const frames = waiting;
  waiting = [];
  // What came for the present is not applied to a board of the past that was opened since.
  if (!at.value) apply(frames);
}

function apply(frames: readonly Frame[]): void {
  const next = new Map(cards.value);
  const held = new Map(countsByProject.value);
  const confirmed = new Set<string>();
  let stopped = pauses.value;
  for (const { view, row } of frames.flatMap((frame) => frame.rows)) {
    if (view === "pause") {
      stopped = stopped.filter((one) => one.scope !== row.scope || one.id !== pausedId(row));
      if (row.paused) stopped = [...stopped, { ...row, id: pausedId(row) }];
    }
    if (view !== "column" && view !== "task") continue;
    if (project.value && row.project_id !== project.value) continue;
    if (view === "column") {
      held.set(row.project_id, { ...held.get(row.project_id), [row.state]: row.cards });
    } else {
      confirmed.add(row.id);
      take(next, row);
    }
  }
  batch(() => {
    cards.value = next;
    countsByProject.value = held;
    pauses.value = stopped;
    drawn.value = Math.max(drawn.value, frames.at(-1)?.position ?? 0);
    if (pending.value.some((one) => confirmed.has(one.id))) pending.value = pending.value.filter((one) => !confirmed.has(one.id));
  });
}

/** A frame names a pause by its scope and id. */
const pausedId = (row: Pause): string => row.id.slice(row.scope.length + 1);

function take(into: Map<string, Card>, card: Card): void {
  const before = into.get(card.id);
  if (before && before.position >= card.position) return;
  if (!isColumn(card.state) || beyond(card)) into.delete(card.id);
  else into.set(card.id, card);
}

/** Whether the card stands behind the last one that was loaded of its column. */
function beyond(card: Card): boolean {
  const column = card.state as Column;
  if (cursors.value[column] === null) return false;
  const last = columns.peek()[column].at(-1);
  return last !== undefined && inOrder(column, last, card) < 0;
}

/** Ask for a move and show it at once; taken back, with the reason, where it is refused. */
export async function move(id: string, to: Column, before: string | null = null, comment = ""): Promise<boolean> {
  const title = cards.peek().get(id)?.title ?? id;
  try {
    await ask(id, to, before, comment);
    return true;
  } catch (error) {
    refused(error, `“${title}” was not moved to ${HEADINGS[to]}`);
    return false;
  }
}

/** As `move`, but thrown where it is refused, after it was taken back. */
async function ask(id: string, to: PendingMove["to"], before: string | null = null, comment = ""): Promise<void> {
  // Within its column a card without one to stand before goes to the end; said, since left out it would mean no change.
  const reorders = cards.value.get(id)?.state === to;
  pending.value = [...pending.value.filter((one) => one.id !== id), { id, to, before }];
  try {
    const body = { state: to, comment, ...(before || reorders ? { before } : {}) };
    const done = await data(POST("/api/v1/tasks/{task_id}/move", { params: { path: { task_id: id }, header: requestKey() }, body }));
    settle(id, (done as { position: number }).position);
  } catch (error) {
    pending.value = pending.value.filter((one) => one.id !== id);
    throw error;
  }
}

const PATIENCE_MS = 5_000;

/** The frame confirms a move; where none comes, as when nothing changed, the card is asked for. */
function settle(id: string, position: number): void {
  setTimeout(async () => {
    if (!pending.value.some((one) => one.id === id)) return;
    pending.value = pending.value.filter((one) => one.id !== id);
    if ((cards.value.get(id)?.position ?? 0) < position) await load();
  }, PATIENCE_MS);
}

export async function archive(id: string): Promise<void> {
  const title = cards.peek().get(id)?.title ?? id;
  try {
    await ask(id, "archived");
    tell(`“${title}” is archived.`);
  } catch (error) {
    refused(error, "Not archived");
  }
}

/** One thing for all cards that are chosen. Those that were refused stay chosen, and the reasons are told. */
async function bulk(act: (id: string) => Promise<unknown>, done: string): Promise<void> {
  const ids = [...selected.value];
  const outcomes = await forEach(ids, async (id) => {
    const title = cards.peek().get(id)?.title ?? id;
    try {
      await act(id);
      return { id, title, reason: "" };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { id, title, reason: [error.message, error.remedy].filter(Boolean).join(" ") };
    }
  });
  const good = new Set(outcomes.filter((one) => !one.reason).map((one) => one.id));
  selected.value = new Set([...selected.value].filter((id) => !good.has(id)));
  const { kind, text, more } = summary(outcomes, done);
  tell(text, kind, more);
}

export const moveAll = (to: Column): Promise<void> => bulk((id) => ask(id, to), `moved to ${HEADINGS[to]}`);
export const archiveAll = (): Promise<void> => bulk((id) => ask(id, "archived"), "archived");
export const prioritiseAll = (priority: number): Promise<void> =>
  bulk(async (id) => {
    // Shown at once; the frame brings the card's new place as well.
    guesses.value = new Map(guesses.value).set(id, { priority });
    try {
      await PATCH("/api/v1/tasks/{task_id}", { params: { path: { task_id: id } }, body: { priority } as never });
    } finally {
      const left = new Map(guesses.value);
      left.delete(id);
      guesses.value = left;
    }
  }, `given priority ${priority}`);

export async function edit(id: string, change: Record<string, unknown>): Promise<boolean> {
  try {
    await PATCH("/api/v1/tasks/{task_id}", { params: { path: { task_id: id } }, body: change as never });
    return true;
  } catch (error) {
    refused(error, "Not changed");
    return false;
  }
}

/** Where a range that is chosen with the Shift key begins. */
let anchor: string | null = null;

/** `extend`: all from the card that was chosen last up to this one. */
export function toggle(id: string, extend = false): void {
  const column = cards.value.get(id)?.state;
  const next = new Set(selected.value);
  if (extend && isColumn(column ?? "")) {
    for (const one of between(columns.peek()[column as Column].map((card) => card.id), anchor, id)) next.add(one);
  } else if (!next.delete(id)) next.add(id);
  anchor = id;
  selected.value = next;
}

/** All cards of a column that are loaded and fit the filter. */
export function selectColumn(column: Column): void {
  selected.value = new Set([...selected.value, ...columns.peek()[column].map((card) => card.id)]);
}

export function selectNone(): void {
  anchor = null;
  selected.value = new Set();
}
