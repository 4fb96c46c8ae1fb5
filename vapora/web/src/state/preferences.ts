/** What this person likes, kept in this browser. */
import { effect, signal } from "@preact/signals";

export interface Preferences {
  theme: "system" | "light" | "dark";
  density: "comfortable" | "compact";
  zone: string;
}

const KEY = "vapora.preferences";
const DEFAULTS: Preferences = { theme: "system", density: "comfortable", zone: "" };

function load(): Preferences {
  try {
    return { ...DEFAULTS, ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Preferences>) };
  } catch {
    // A browser that keeps nothing, or something that another program left there: begin with the defaults.
    return DEFAULTS;
  }
}

export const preferences = signal(load());
const dark = matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(dark.matches);
dark.addEventListener("change", (event) => (systemDark.value = event.matches));

effect(() => {
  const { theme, density } = preferences.value;
  const shown = theme === "system" ? (systemDark.value ? "dark" : "light") : theme;
  document.documentElement.dataset.theme = shown;
  document.documentElement.dataset.density = density;
});

export function prefer(change: Partial<Preferences>): void {
  preferences.value = { ...preferences.value, ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences.value));
  } catch {
    // Private windows may refuse: then it holds until the page is closed.
  }
}
