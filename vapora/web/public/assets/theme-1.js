// Before the first paint, so that nobody is dazzled: as src/state/preferences.ts does it. Browsers keep this file for
// ever: a changed one takes the next number.
try {
  const kept = JSON.parse(localStorage.getItem("vapora.preferences") ?? "{}");
  const dark = kept.theme === "dark" || (kept.theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  document.documentElement.dataset.density = kept.density === "compact" ? "compact" : "comfortable";
} catch {
  // Nothing is kept, or nothing that can be read: the page begins with its defaults.
}
