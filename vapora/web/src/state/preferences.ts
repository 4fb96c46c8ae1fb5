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

/** Of the last answer or frame: nothing older is taken. */
let position = 0;
/** Changes of this page that are on their way: what others say meanwhile is not shown, since it would be overwritten. */
let sending = 0;

function take(saved: SavedPreferences): void {
  if (sending || saved.position <= position) return;
  position = saved.position;
  keep(understood(saved));
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
export async function prefer(change: Partial<Preferences>): Promise<void> {
  const before = preferences.value;
  keep({ ...before, ...change });
  const { zone, ...rest } = preferences.value;
  sending += 1;
  try {
    const saved = await data(PUT("/api/v1/preferences", { body: { ...rest, time_zone: zone } as never }));
    position = Math.max(position, saved?.position ?? 0);
  } catch (error) {
    keep(before);
    refused(error, "Not changed");
  } finally {
    sending -= 1;
  }
}

onFrame((frame) => {
  for (const { view, row } of frame.rows) if (view === "preferences") take(row);
});
// Without an answer, what this browser knows stays.
void entered.then(() => data(GET("/api/v1/preferences"))).then((saved) => saved && take(saved), () => undefined);
