/** Every move of a card without a mouse: state, place in its column, archive. */
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { HEADINGS, type Card, type Column } from "../api/types";
import { movesFrom } from "../lib/columns";
import { archive, columns, move } from "../state/board";

export function MoveMenu({ card }: { card: Card }) {
  const [open, setOpen] = useState(false);
  const menu = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  // Before the next key press: it must find the focus on the menu.
  useLayoutEffect(() => {
    if (!open) return;
    items()[0]?.focus();
    const away = (event: Event) => !menu.current?.contains(event.target as Node) && setOpen(false);
    addEventListener("pointerdown", away, true);
    return () => removeEventListener("pointerdown", away, true);
  }, [open]);

  const items = () => [...(menu.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
  function keys(event: KeyboardEvent): void {
    const all = items();
    const here = all.indexOf(document.activeElement as HTMLElement);
    if (event.key === "Escape") close();
    else if (event.key === "ArrowDown") all[(here + 1) % all.length]?.focus();
    else if (event.key === "ArrowUp") all[(here - 1 + all.length) % all.length]?.focus();
    else if (event.key === "Tab") setOpen(false);
    else return;
    if (event.key !== "Tab") event.preventDefault();
  }

  const state = card.state as Column;
  const act = (what: () => unknown) => () => {
    close();
    void what();
  };
  return (
    <div class="relative shrink-0">
      <button
        ref={button}
        class="btn-quiet !h-6 !px-1.5"
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        aria-label={`Move “${card.title}”`}
        onClick={() => setOpen(!open)}
      >
        ⋯
      </button>
      {open && (
        <div id={id} ref={menu} role="menu" aria-label="Move to" class="absolute right-0 top-7 z-20 glass !bg-raised p-1 w-44 flex flex-col" onKeyDown={keys}>
          {movesFrom(state).map((to) => (
            <Item key={to} run={act(() => move(card.id, to))}>
              {label(state, to)}
            </Item>
          ))}
          {state === "todo" && <Places card={card} act={act} />}
          {(state === "todo" || state === "done" || state === "failed") && <Item run={act(() => archive(card.id))}>Archive</Item>}
        </div>
      )}
    </div>
  );
}

function Places({ card, act }: { card: Card; act: (what: () => unknown) => () => void }) {
  const line = columns.value.todo;
  const here = line.findIndex((one) => one.id === card.id);
  const above = line[here - 1];
  const below = line[here + 1];
  const next = line[here + 2];
  const top = line[0];
  return (
    <>
      {above && top && <Item run={act(() => move(card.id, "todo", top.id))}>To the top</Item>}
      {above && <Item run={act(() => move(card.id, "todo", above.id))}>One up</Item>}
      {below && <Item run={act(() => move(card.id, "todo", next?.id ?? null))}>One down</Item>}
      {below && <Item run={act(() => move(card.id, "todo", null))}>To the end</Item>}
    </>
  );
}

function Item({ run, children }: { run: () => void; children: preact.ComponentChildren }) {
  return (
    <button role="menuitem" tabIndex={-1} class="text-left px-2.5 py-1.5 rounded-md text-sm bg-transparent border-0 cursor-pointer hover:bg-surface focus:bg-surface" onClick={run}>
      {children}
    </button>
  );
}

function label(from: Column, to: Column): string {
  if (from === "review") return to === "done" ? "Approve (Done)" : "Send back (To do)";
  if (from === "in-progress") return "Take back (To do)";
  return `To ${HEADINGS[to].toLowerCase()}`;
}
