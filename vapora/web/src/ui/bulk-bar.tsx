/** What can be done with all cards that are chosen. */
import { useState } from "preact/hooks";
import type { Card, Column } from "../api/types";
import { mayMove } from "../lib/columns";
import { archiveAll, known, moveAll, prioritiseAll, selected, selectNone } from "../state/board";

const MOVES: [Column, string][] = [
  ["done", "Approve"],
  ["todo", "Back to To do"],
];

export function BulkBar() {
  const [busy, setBusy] = useState(false);
  const chosen = [...selected.value].map(known).filter((one): one is Card => one !== undefined);
  // Offered where it may go well for one of them; the others are refused with the reason.
  const some = (to: Column) => chosen.some((card) => card.state !== to && mayMove(card.state as Column, to));
  const run = (what: () => Promise<void>) => () => {
    setBusy(true);
    void what().finally(() => setBusy(false));
  };

  function prioritise(event: SubmitEvent): void {
    event.preventDefault();
    const value = Number(new FormData(event.currentTarget as HTMLFormElement).get("priority"));
    run(() => prioritiseAll(value))();
  }
  return (
    <div class="glass !bg-raised p-2 flex flex-wrap items-center gap-2" role="toolbar" aria-label="Chosen cards">
      <span class="text-sm px-1" role="status">
        {chosen.length === 1 ? "1 card chosen" : `${chosen.length} cards chosen`}
      </span>
      {MOVES.filter(([to]) => some(to)).map(([to, name]) => (
        <button key={to} class="btn" disabled={busy} onClick={run(() => moveAll(to))}>
          {name}
        </button>
      ))}
      {chosen.some((card) => ["todo", "done", "failed"].includes(card.state)) && (
        <button class="btn" disabled={busy} onClick={run(archiveAll)}>
          Archive
        </button>
      )}
      <form class="flex items-center gap-1.5" onSubmit={(event) => prioritise(event as unknown as SubmitEvent)}>
        <input class="field !w-20" name="priority" type="number" min={0} max={100} required aria-label="Priority of the chosen cards" placeholder="0–100" />
        <button class="btn" disabled={busy}>
          Set priority
        </button>
      </form>
      <span class="grow" />
      <span class="hidden xl:inline text-xs text-soft">Shift and click, or Shift with ↓ and ↑: several · Ctrl A: a column · Esc: none</span>
      <button class="btn-quiet" onClick={selectNone}>
        Choose none
      </button>
    </div>
  );
}
