/** How the past is played. Pure. */

/** A speed is a span of the log's time that passes in a minute. 0: all of the log does, by its positions. */
export const SPEEDS = [
  [0, "all in a minute"],
  [3_600_000, "an hour in a minute"],
  [86_400_000, "a day in a minute"],
  [7 * 86_400_000, "a week in a minute"],
] as const;

export interface Place {
  /** The position that is shown, and the instant that the log had then. */
  position: number;
  when: string;
}

/** Where it goes on after `tick` ms, as the address names it; null at the end of the log, or of time. */
export function next(here: Place, speed: number, tick: number, end: number, now: number): string | null {
  if (speed === 0) {
    const position = here.position + Math.max(1, Math.round((end * tick) / 60_000));
    return position < end ? String(position) : null;
  }
  const instant = Date.parse(here.when) + (speed * tick) / 60_000;
  return Number.isNaN(instant) || instant >= now ? null : new Date(instant).toISOString();
}
