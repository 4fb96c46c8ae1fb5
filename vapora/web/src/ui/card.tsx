/** A card on the board. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { draggable, dropTargetForElements } from "@atlaskit/pragmatic-drag-and-drop/element/adapter";
import { combine } from "@atlaskit/pragmatic-drag-and-drop/combine";
import { attachClosestEdge, extractClosestEdge, type Edge } from "@atlaskit/pragmatic-drag-and-drop-hitbox/closest-edge";
import type { Card } from "../api/types";
import { dollars, named, title } from "../lib/format";
import { at, narrow, selected, titleOf, toggle } from "../state/board";
import { may } from "../state/me";
import { MoveMenu } from "./move-menu";

const REASONS: Record<string, string> = {
  budget: "waits for budget",
  provider: "waits for a model",
  dependency: "waits for another card",
  paused: "paused",
  human: "waits for a person",
  approval: "waits for an approval",
  answer: "has a question",
  checks: "checks have failed",
  runaway: "was stopped",
};

const CHECKED = { green: "!text-good", red: "!text-bad", unchecked: "!text-warn" } as const;

export function CardTile({ card }: { card: Card }) {
  const ref = useRef<HTMLElement>(null);
  const [edge, setEdge] = useState<Edge | null>(null);
  const [dragged, setDragged] = useState(false);
  // Of the past, or of somebody who may only look.
  const fixed = at.value !== "" || !may("move_task");

  useLayoutEffect(() => {
    const element = ref.current;
    if (!element || fixed) return;
    return combine(
      draggable({
        element,
        getInitialData: () => ({ card: card.id, from: card.state }),
        onDragStart: () => setDragged(true),
        onDrop: () => setDragged(false),
      }),
      dropTargetForElements({
        element,
        canDrop: ({ source }) => "card" in source.data && source.data.card !== card.id,
        getData: ({ input }) => attachClosestEdge({ over: card.id }, { element, input, allowedEdges: ["top", "bottom"] }),
        onDrag: ({ self }) => setEdge(extractClosestEdge(self.data)),
        onDragLeave: () => setEdge(null),
        onDrop: () => setEdge(null),
      }),
    );
  }, [card.id, card.state, fixed]);

  const run = card.runs.at(-1);
  const remedy = named(card.waiting?.remedy ?? "", titleOf);
  const chosen = selected.value.has(card.id);
  return (
    <div class="pb-2">
      <article
        ref={ref}
        data-card={card.id}
        aria-label={card.title}
        onClick={(event) => {
          // What can be pressed inside of the card goes on as it does.
          if (fixed || !(event.ctrlKey || event.metaKey || event.shiftKey) || (event.target as Element).closest("a,button,input")) return;
          event.preventDefault();
          toggle(card.id, event.shiftKey);
        }}
        class={`glass !bg-raised p-2.5 flex flex-col gap-1.5 ${dragged ? "opacity-50" : ""} ${edge === "top" ? "!border-t-accent border-t-3" : ""} ${edge === "bottom" ? "!border-b-accent border-b-3" : ""} ${chosen ? "!border-accent" : ""}`}
      >
        <div class="flex items-start gap-2">
          {!fixed && (
            <input
              type="checkbox"
              class="mt-1 shrink-0"
              aria-label={`Choose “${card.title}”`}
              checked={chosen}
              onClick={(event) => toggle(card.id, event.shiftKey)}
              onKeyDown={extend}
            />
          )}
          <a href={`/t/${card.id}${location.search}`} class="grow min-w-0 text-ink text-sm font-medium no-underline break-words hover:underline" dir="auto">
            {card.title}
          </a>
          {!fixed && <MoveMenu card={card} />}
        </div>
        <div class="flex flex-wrap gap-1 items-center">
          {card.assigned_agent ? (
            <span class="tag">
              {card.state === "in-progress" && <span aria-hidden="true" class="w-1.5 h-1.5 mr-1.5 rounded-full bg-good pulse" />}
              {card.assigned_agent}
            </span>
          ) : (
            <span class="tag">{card.role ?? title(card.task_type)}</span>
          )}
          {card.assignee && <span class="tag">for {card.assignee}</span>}
          {(card.labels ?? []).map((label) => (
            <button key={label} class="tag !text-accent" title={`Show the cards labelled “${label}”`} onClick={() => narrow({ label })}>
              {label}
            </button>
          ))}
          {card.priority !== 50 && <span class="tag">priority {card.priority}</span>}
          {run && card.state === "in-progress" && <span class="tag">{run.calls === 1 ? "1 call" : `${run.calls} calls`}</span>}
          {card.cost_microusd > 0 && (
            <span class="tag">
              {dollars(card.cost_microusd)}
              {card.limit_microusd != null ? ` of ${dollars(card.limit_microusd)}` : ""}
              {card.simulated ? " sim." : ""}
            </span>
          )}
          {card.checks && card.state !== "in-progress" && <span class={`tag ${CHECKED[card.checks]}`}>{card.checks}</span>}
          {card.landed && <span class="tag !text-good">merged</span>}
          {card.attempts > 1 && <span class="tag">attempt {card.attempt}</span>}
          {card.sandbox === "none" && <span class="tag !text-bad">no sandbox</span>}
          {card.unread > 0 && <span class="tag !text-accent">{card.unread === 1 ? "1 new comment" : `${card.unread} new comments`}</span>}
          {card.attachments > 0 && <span class="tag">{card.attachments === 1 ? "1 file" : `${card.attachments} files`}</span>}
          {card.deadline && <span class="tag">due {new Date(card.deadline).toLocaleDateString("en-GB")}</span>}
        </div>
        {card.doing && card.state === "in-progress" && (
          <p class="text-xs text-soft truncate" title={card.doing} dir="auto">
            {card.doing}
          </p>
        )}
        {card.waiting && (
          <p class="text-xs text-warn break-words" title={remedy}>
            <strong class="font-semibold">{REASONS[card.waiting.reason] ?? `waits: ${card.waiting.reason}`}</strong>
            {remedy ? `. ${remedy}` : ""}
          </p>
        )}
        {card.landing_problem && !card.landed && !card.waiting && <p class="text-xs text-warn break-words">Not merged: {card.landing_problem.message}</p>}
        {card.state === "failed" && run?.reason && <p class="text-xs text-bad break-words">{run.reason}</p>}
      </article>
    </div>
  );
}

/** Shift with an arrow chooses the next card of the column as well, and goes there. */
function extend(event: KeyboardEvent): void {
  const step = event.key === "ArrowDown" ? "nextElementSibling" : event.key === "ArrowUp" ? "previousElementSibling" : null;
  if (!step || !event.shiftKey) return;
  event.preventDefault();
  const box = event.currentTarget as HTMLInputElement;
  const next = box.closest("[data-row]")?.[step]?.querySelector<HTMLElement>("[data-card]");
  const id = next?.dataset.card;
  if (!next || !id) return;
  if (!box.checked) box.click();
  toggle(id, true);
  next.querySelector<HTMLInputElement>("input")?.focus();
}
