/** Search from everywhere by keyboard: Ctrl-K or `/` opens it, arrow keys choose, Enter opens. */
import { signal } from "@preact/signals";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { link } from "../api/client";
import { grouped, opensSearch, stepped } from "../lib/found";
import { Dialog } from "./dialog";
import { said, Snippet, useFound } from "./found";

const open = signal(false);

export function openSearch(): void {
  open.value = true;
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));
}

/** The button in the header, with the dialog behind it. */
export function Search() {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      // A dialog that is open has the keyboard.
      if (!opensSearch(event, isTyping(event.target)) || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      openSearch();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
  return (
    <>
      <button class="btn-quiet" onClick={openSearch} aria-label="Search" aria-keyshortcuts="Control+K /" title="Search (Ctrl-K or /)">
        <span aria-hidden="true">⌕</span>
      </button>
      {open.value && <SearchDialog close={() => (open.value = false)} />}
    </>
  );
}

function SearchDialog({ close }: { close: () => void }) {
  const [asked, setAsked] = useState("");
  const [at, setAt] = useState(-1);
  const { route } = useLocation();
  const field = useRef<HTMLInputElement>(null);
  const { found, problem, busy } = useFound(asked, "", 20, true);
  const id = useId();
  const groups = grouped(found?.items ?? []);
  const items = groups.flatMap((group) => group.items);
  const option = (place: number) => `${id}-option-${place}`;
  // After the dialog, which gives the focus to its first button.
  useEffect(() => field.current?.focus(), []);
  useEffect(() => setAt(items.length ? 0 : -1), [found]);
  useEffect(() => document.getElementById(option(at))?.scrollIntoView({ block: "nearest" }), [at]);

  function go(to: string): void {
    close();
    route(link(to));
  }
  function pressed(event: KeyboardEvent): void {
    const item = items[at];
    if (event.key === "ArrowDown" || event.key === "ArrowUp") setAt(stepped(at, event.key === "ArrowDown" ? 1 : -1, items.length));
    else if (event.key === "Enter" && item) go(item.link);
    else if (event.key === "Enter" && asked.trim()) go(`/search?q=${encodeURIComponent(asked.trim())}`);
    else return;
    event.preventDefault();
  }
  let place = -1;
  return (
    <Dialog heading="Search" close={close}>
      <input
        class="field"
        type="search"
        role="combobox"
        list={undefined}
        aria-label="Search for"
        aria-expanded={items.length > 0}
        aria-controls={`${id}-list`}
        aria-activedescendant={at >= 0 ? option(at) : undefined}
        aria-autocomplete="list"
        autoComplete="off"
        placeholder="Tasks, runs, documents, comments, code"
        maxLength={400}
        value={asked}
        ref={field}
        onInput={(event) => setAsked(event.currentTarget.value)}
        onKeyDown={pressed}
      />
      <p class="muted m-0" role="status">
        {problem || said(asked, found, busy)}
      </p>
      <div id={`${id}-list`} role="listbox" aria-label="Found" tabIndex={-1} class="flex flex-col gap-3 max-h-[55vh] overflow-auto outline-none">
        {groups.map((group) => (
          <div key={group.kind} role="group" aria-labelledby={`${id}-${group.kind}`}>
            <div id={`${id}-${group.kind}`} role="presentation" class="label">
              {group.name}
            </div>
            {group.items.map((item) => {
              place += 1;
              const mine = place;
              return (
                <div
                  key={item.id}
                  id={option(mine)}
                  role="option"
                  aria-selected={mine === at}
                  class={`px-2 py-1.5 rounded-lg cursor-pointer border ${mine === at ? "bg-surface border-accent" : "border-transparent"}`}
                  onMouseMove={() => mine !== at && setAt(mine)}
                  onClick={() => go(item.link)}
                >
                  <span class="block font-semibold break-words" dir="auto">
                    {item.title}
                  </span>
                  <Snippet item={item} />
                </div>
              );
            })}
          </div>
        ))}
      </div>
      {asked.trim() && (
        <a href={link(`/search?q=${encodeURIComponent(asked.trim())}`)} onClick={close}>
          All on a page
        </a>
      )}
    </Dialog>
  );
}
