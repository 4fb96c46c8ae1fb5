/** Time travel: a slider over the log; the board of the past cannot be changed. */
import { useEffect, useRef, useState } from "preact/hooks";
import { useLocation, useRoute } from "preact-iso";
import { data, GET, link } from "../api/client";
import { moment } from "../lib/format";
import { next, SPEEDS } from "../lib/playback";
import { at, drawn } from "../state/board";
import { position } from "../state/live";
import { preferences } from "../state/preferences";

const SETTLE_MS = 120;
const PLAY_MS = 500;

export function TimeBar() {
  const { route, path } = useLocation();
  const { query } = useRoute();
  const [end, setEnd] = useState(0);
  const [when, setWhen] = useState("");
  const [playing, setPlaying] = useState(false);
  const [speed, setSpeed] = useState<number>(SPEEDS[0][0]);
  const settle = useRef(0);
  const open = at.value !== "";

  function go(to: string): void {
    const next = new URLSearchParams(query as Record<string, string>);
    if (to) next.set("at", to);
    else next.delete("at");
    const text = next.toString();
    route(path + (text ? `?${text}` : ""), true);
  }

  // Of an instant the board itself says which position it shows.
  const here = /^\d+$/.test(at.value) ? Number(at.value) : drawn.value || end;
  useEffect(() => {
    if (!open) return setPlaying(false);
    void data(GET("/api/v1/position")).then((found) => setEnd((found as { head: number }).head), () => setEnd(position.value));
  }, [open]);
  useEffect(() => {
    if (!open || !/^\d+$/.test(at.value)) return setWhen(at.value);
    let current = true;
    void data(GET("/api/v1/events", { params: { query: { after: Math.max(0, here - 1), limit: 1 } } })).then(
      (page) => current && setWhen((page as { items: { recorded_at: string }[] }).items[0]?.recorded_at ?? ""),
      () => current && setWhen(""),
    );
    return () => {
      current = false;
    };
  }, [at.value]);
  useEffect(() => {
    if (!playing) return;
    const timer = setTimeout(() => {
      const to = next({ position: here, when }, speed, PLAY_MS, end, Date.now());
      if (to === null) setPlaying(false);
      go(to ?? String(end));
    }, PLAY_MS);
    return () => clearTimeout(timer);
    // `when` of a position comes a moment after it.
  }, [playing, at.value, speed, speed && when, end]);

  if (!open) {
    return (
      <button class="btn whitespace-nowrap" onClick={() => go(String(position.value))}>
        Past…
      </button>
    );
  }
  return (
    <div class="glass !bg-raised flex flex-wrap items-center gap-2 px-2 py-1 grow" role="group" aria-label="The board in the past">
      <button class="btn-quiet" aria-pressed={playing} onClick={() => setPlaying(!playing)}>
        {playing ? "Pause" : "Play"}
      </button>
      <select class="field !w-auto" aria-label="Speed" value={speed} onChange={(event) => setSpeed(Number(event.currentTarget.value))}>
        {SPEEDS.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      <input
        type="range"
        class="grow min-w-30"
        aria-label="Position in the log"
        aria-valuetext={when ? moment(when, preferences.value.zone || undefined) : `position ${here}`}
        min={0}
        max={Math.max(end, here)}
        value={here}
        onInput={(event) => {
          const to = event.currentTarget.value;
          clearTimeout(settle.current);
          settle.current = window.setTimeout(() => go(to), SETTLE_MS);
        }}
      />
      <span class="text-sm text-warn">
        As it was at {here}
        {when && `, ${moment(when, preferences.value.zone || undefined)}`}
      </span>
      <a class="text-sm" href={link(`/agents?at=${encodeURIComponent(at.value)}`)}>
        Agents then
      </a>
      <a class="text-sm" href={link(`/budgets?at=${encodeURIComponent(at.value)}`)}>
        Budgets then
      </a>
      <button class="btn-main" onClick={() => go("")}>
        Back to now
      </button>
    </div>
  );
}
