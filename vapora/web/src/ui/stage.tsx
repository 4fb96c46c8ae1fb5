/** One stage of a run: what it is at, who works on it, and what it cost. */
import { link } from "../api/client";
import type { Stage } from "../api/types";
import { dollars, duration, title } from "../lib/format";

export const STATES: Record<string, string> = {
  completed: "text-good",
  active: "text-accent",
  running: "text-accent",
  "waiting-approval": "text-warn",
  paused: "text-warn",
  failed: "text-bad",
  cancelled: "text-soft",
  skipped: "text-soft",
};

export function StageBox({ stage, simulated, chosen, choose }: { stage: Stage; simulated: boolean; chosen: boolean; choose: () => void }) {
  const cards = stage.tasks.filter((one) => one.purpose === "work");
  return (
    <button
      class={`w-full h-full text-start border rounded-lg bg-raised p-2.5 text-sm overflow-hidden cursor-pointer ${chosen ? "!border-accent" : "border-line"}`}
      aria-pressed={chosen}
      aria-label={`${stage.name}: ${title(stage.state)}${stage.needs.length ? `, after ${stage.needs.join(", ")}` : ""}`}
      onClick={choose}
    >
      <span class="flex gap-2 items-center">
        <strong class="grow truncate">{stage.name}</strong>
        {stage.critical && <span class="tag">critical</span>}
      </span>
      <span class={`block ${STATES[stage.state] ?? "text-soft"}`}>{title(stage.state)}</span>
      <span class="block text-soft truncate">
        {cards.length > 1 ? `${cards.filter((one) => one.outcome === "done").length} of ${cards.length} cards` : stage.roles.join(", ")}
        {stage.duration_s != null && `, ${duration(stage.duration_s * 1_000)}`}
        {stage.cost_microusd > 0 && `, ${dollars(stage.cost_microusd)}${simulated ? " simulated" : ""}`}
      </span>
    </button>
  );
}

export function StageCards({ stage }: { stage: Stage }) {
  if (!stage.tasks.length) return <p class="muted">It has no card yet.</p>;
  return (
    <ul class="m-0 p-0 list-none flex flex-col gap-1.5" aria-label={`Cards of ${stage.name}`}>
      {stage.tasks.map((one) => (
        <li key={one.task_id} class="flex flex-wrap gap-x-2 text-sm">
          <a href={link(`/t/${one.task_id}`)}>{one.title || one.task_id}</a>
          <span class="tag">{one.state || one.outcome || "to do"}</span>
          {one.purpose === "undo" && <span class="tag">undoes</span>}
          {one.attempt > 1 && <span class="tag">attempt {one.attempt}</span>}
          <span class="text-soft">{one.assigned_agent ?? one.role ?? ""}</span>
        </li>
      ))}
    </ul>
  );
}
