/** Search and filters, which stand in the address. */
import { useId, useState } from "preact/hooks";
import { isEmpty, NO_FILTER } from "../lib/filter";
import { allCards, filter, narrow } from "../state/board";

export function FilterBar() {
  const now = filter.value;
  const agents = [...new Set(allCards.value.map((card) => card.assigned_agent).filter((one): one is string => !!one))].sort();
  const labels = [...new Set(allCards.value.flatMap((card) => card.labels ?? []))].sort();
  const [open, setOpen] = useState(false);
  const id = useId();
  return (
    <search class="contents">
      <button class="btn sm:hidden" aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
        Filters{isEmpty(now) ? "" : " (on)"}
      </button>
      <div id={id} class={`${open ? "flex" : "hidden"} sm:flex flex-wrap xl:flex-nowrap gap-2 items-center min-w-0`}>
      <input
        type="search"
        class="field !w-32 sm:!w-44 min-w-20"
        placeholder="Search cards"
        aria-label="Search cards"
        value={now.text}
        onInput={(event) => narrow({ text: event.currentTarget.value })}
      />
      <select class="field !w-28 sm:!w-32 min-w-20" aria-label="Agent" value={now.agent} onChange={(event) => narrow({ agent: event.currentTarget.value })}>
        <option value="">All agents</option>
        {(now.agent && !agents.includes(now.agent) ? [now.agent, ...agents] : agents).map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
      <select class="field !w-28 sm:!w-38 min-w-20" aria-label="Waiting" value={now.waiting} onChange={(event) => narrow({ waiting: event.currentTarget.value })}>
        <option value="">Waiting or not</option>
        <option value="any">Waiting</option>
        {["human", "approval", "answer", "checks", "budget", "provider", "dependency", "paused", "runaway"].map((one) => (
          <option key={one} value={one}>
            Waiting: {one}
          </option>
        ))}
      </select>
      <select class="field !w-28 min-w-20" aria-label="Label" value={now.label} onChange={(event) => narrow({ label: event.currentTarget.value })}>
        <option value="">All labels</option>
        {(now.label && !labels.includes(now.label) ? [now.label, ...labels] : labels).map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
      {!isEmpty(now) && (
        <button class="btn-quiet" onClick={() => narrow(NO_FILTER)}>
          Clear
        </button>
      )}
      </div>
    </search>
  );
}
