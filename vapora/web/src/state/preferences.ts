/** What this person likes: kept by the server, with a copy in this browser for the first picture of the next visit. */
import { effect, signal } from "@preact/signals";
import { data, GET, PUT } from "../api/client";
import type { SavedPreferences } from "../api/types";
import { onFrame } from "./live";
import { entered } from "./me";
import { refused } from "./toasts";

export const THEMES = ["system", "light", "dark"] as const;
export const NOTICES = ["review", "done", "failed"] as const;
export interface Preferences {
  theme: (typeof THEMES)[number];
  density: "comfortable" | "compact";
  zone: string;
  notifications: readonly string[];
}

const KEY = "vapora.preferences";
const DEFAULTS: Preferences = { theme: "system", density: "comfortable", zone: "", notifications: ["review", "failed"] };

function local(): Preferences {
  try {
    return { ...DEFAULTS, ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Preferences>) };
  } catch {
    // A browser that keeps nothing, or something that another program left there: begin with the defaults.
    return DEFAULTS;
  }
}

export const preferences = signal(local());
const dark = matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(dark.matches);
dark.addEventListener("change", (event) => (systemDark.value = event.matches));

// `public/assets/theme-1.js` does the same before the first paint.
effect(() => {
  const { theme, density } = preferences.value;
  const shown = theme === "system" ? (systemDark.value ? "dark" : "light") : theme;
  document.documentElement.dataset.theme = shown;
  document.documentElement.dataset.density = density;
});

function keep(next: Preferences): void {
  preferences.value = next;
  try {
    localStorage.setItem(KEY, JSON.stringify(next));
  } catch {
    // Private windows may refuse: then it holds until the page is closed.
  }
}

/** What the server has, as far as this page knows. */
let held = preferences.value;
/** Of the last answer or frame: nothing older is taken. */
let position = 0;
/** Changes of this page that the server has not answered yet. */
let waiting: readonly Partial<Preferences>[] = [];

/** Whatever others say: what was chosen here stays, since it will be sent after it. */
const show = (): void => keep(Object.assign({}, held, ...waiting) as Preferences);

function take(saved: SavedPreferences): void {
  if (saved.position <= position) return;
  position = saved.position;
  held = understood(saved);
  show();
}

/** A newer server may know words that this page does not. */
function understood(saved: SavedPreferences): Preferences {
  return {
    theme: THEMES.find((one) => one === saved.theme) ?? DEFAULTS.theme,
    density: saved.density === "compact" ? "compact" : "comfortable",
    zone: isZone(saved.time_zone) ? saved.time_zone : "",
    notifications: saved.notifications,
  };
}

function isZone(zone: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat("en-GB", { timeZone: zone || "UTC" }));
  } catch {
    return false;
  }
}

/** Shown at once; taken back, with the reason, where the server refuses it. */
export function prefer(change: Partial<Preferences>): void {
  waiting = [...waiting, change];
  show();
  // One after the other, and after what the server has is known: each is sent with all the rest, and would undo it.
  const sent = turn.then(() => send(change));
  turn = sent.catch(() => undefined);
}

async function send(change: Partial<Preferences>): Promise<void> {
  const { zone, ...rest } = { ...held, ...change };
  try {
    const saved = await data(PUT("/api/v1/preferences", { body: { ...rest, time_zone: zone } as never }));
    if (saved && saved.position >= position) {
      position = saved.position;
      held = understood(saved);
    }
  } catch (error) {
    refused(error, "Not changed");
  } finally {
    waiting = waiting.filter((one) => one !== change);
    show();
  }
}

onFrame((frame) => {
  for (const { view, row } of frame.rows) if (view === "preferences") take(row);
});
// Without an answer, what this browser knows stays.
let turn: Promise<void> = entered.then(() => data(GET("/api/v1/preferences"))).then((saved) => void (saved && take(saved)), () => undefined);
