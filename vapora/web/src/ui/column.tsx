/** A column of the board. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { dropTargetForElements } from "@atlaskit/pragmatic-drag-and-drop/element/adapter";
import { autoScrollForElements } from "@atlaskit/pragmatic-drag-and-drop-auto-scroll/element";
import { combine } from "@atlaskit/pragmatic-drag-and-drop/combine";
import { HEADINGS, type Card, type Column } from "../api/types";
import { mayMove } from "../lib/columns";
import { count } from "../lib/format";
import { at, cardsOf, counts, hasMore, loaded, more, selectColumn } from "../state/board";
import { may } from "../state/me";
import { CardTile } from "./card";
import { LongList } from "./long-list";

const EMPTY: Record<Column, string> = {
  todo: "Nothing to do.",
  "in-progress": "No agent is at work.",
  review: "Nothing waits for you.",
  done: "Nothing is done yet.",
  failed: "Nothing has failed.",
};

export function BoardColumn({ column }: { column: Column }) {
  const ref = useRef<HTMLElement>(null);
  const list = useRef<HTMLDivElement | null>(null);
  const [target, setTarget] = useState<"no" | "yes" | "refused">("no");
  const cards = cardsOf[column].value;

  useLayoutEffect(() => {
    const element = ref.current;
    const scroll = list.current;
    if (!element || !scroll) return;
    return combine(
      dropTargetForElements({
        element,
        canDrop: ({ source }) => "card" in source.data,
        getData: () => ({ column }),
        onDragEnter: ({ source }) => setTarget(mayMove(source.data.from as Column, column) ? "yes" : "refused"),
        onDragLeave: () => setTarget("no"),
        onDrop: () => setTarget("no"),
      }),
      autoScrollForElements({ element: scroll }),
    );
  }, [column]);

  const tint = target === "yes" ? "!border-accent" : target === "refused" ? "opacity-60" : "";
  const shown = counts.value[column];
  return (
    <section
      ref={ref}
      aria-labelledby={`column-${column}`}
      data-column={column}
      class={`glass frosted flex flex-col min-h-0 w-72 xl:w-auto xl:grow xl:basis-0 shrink-0 xl:shrink min-w-60 snap-start ${tint}`}
    >
      <div class="flex items-center gap-2 px-3 py-2">
        <h2 id={`column-${column}`}>{HEADINGS[column]}</h2>
        <span class="tag" aria-label={`${shown} cards`}>
          {count(shown)}
        </span>
      </div>
      <LongList<Card>
        class="grow min-h-0 overflow-y-auto px-2"
        label={`${HEADINGS[column]}, cards`}
        items={cards}
        keyOf={(card) => card.id}
        guess={96}
        scroller={(element) => (list.current = element)}
        onKeyDown={(event) => {
          if (event.key !== "a" || !(event.ctrlKey || event.metaKey) || at.value || !may("move_task")) return;
          event.preventDefault();
          selectColumn(column);
        }}
        onNearEnd={() => hasMore.value[column] && void more(column)}
        footer={
          loaded.value && cards.length === 0 ? <p class="muted px-1 pb-3">{shown ? "No card fits the filter." : EMPTY[column]}{!shown && column === "todo" && may("submit_task") && " Add a card above."}</p> : undefined
        }
      >
        {(card) => <CardTile card={card} />}
      </LongList>
    </section>
  );
}
