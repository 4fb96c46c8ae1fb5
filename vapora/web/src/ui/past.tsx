/** A page as it was at a past instant: which one, and the way back. */
import { useState } from "preact/hooks";
import { useLocation, useRoute } from "preact-iso";
import { moment } from "../lib/format";
import { preferences } from "../state/preferences";

/** The position or instant that the address names; empty: now. */
export const useAt = (): string => useRoute().query.at ?? "";

export function Past() {
  const { route, path } = useLocation();
  const { query } = useRoute();
  const at = query.at ?? "";
  const [open, setOpen] = useState(false);

  function go(to: string): void {
    const next = new URLSearchParams(query as Record<string, string>);
    if (to) next.set("at", to);
    else next.delete("at");
    const text = next.toString();
    route(path + (text ? `?${text}` : ""));
  }
  if (!at && !open) {
    return (
      <button class="btn" onClick={() => setOpen(true)}>
        Past…
      </button>
    );
  }
  return (
    <div class="flex flex-wrap items-center gap-2" role="group" aria-label="The past">
      {at && <span class="text-sm text-warn">As it was at {/^\d+$/.test(at) ? `position ${at}` : moment(at, preferences.value.zone || undefined)}</span>}
      <input
        type="datetime-local"
        class="field !w-auto"
        aria-label="Day and time"
        step={1}
        value={local(at)}
        onChange={(event) => event.currentTarget.value && go(new Date(event.currentTarget.value).toISOString())}
      />
      <button class={at ? "btn-main" : "btn-quiet"} onClick={() => (setOpen(false), go(""))}>
        Back to now
      </button>
    </div>
  );
}

/** An instant as the field of the browser takes it, in the zone of this computer. */
function local(at: string): string {
  const instant = /^\d+$/.test(at) ? Number.NaN : Date.parse(at);
  if (Number.isNaN(instant)) return "";
  const here = new Date(instant);
  return new Date(instant - here.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
