import { defineConfig, presetWind3 } from "unocss";

export default defineConfig({
  presets: [presetWind3({ dark: { dark: '[data-theme="dark"]', light: '[data-theme="light"]' } })],
  theme: {
    colors: {
      ink: "var(--ink)",
      soft: "var(--ink-soft)",
      line: "var(--line)",
      surface: "var(--surface)",
      raised: "var(--raised)",
      accent: "var(--accent)",
      "on-accent": "var(--on-accent)",
      good: "var(--good)",
      bad: "var(--bad)",
      warn: "var(--warn)",
    },
  },
  shortcuts: {
    glass: "bg-surface border border-line rounded-xl shadow-sm",
    btn: "inline-flex items-center justify-center gap-1.5 h-9 px-3 rounded-lg border border-line bg-raised text-ink text-sm font-medium cursor-pointer select-none no-underline disabled:opacity-60 disabled:cursor-not-allowed hover:border-accent",
    "btn-main": "btn !bg-accent !text-on-accent !border-transparent hover:brightness-110",
    "btn-quiet": "btn !bg-transparent !border-transparent hover:!bg-raised",
    "btn-icon": "btn-quiet w-9 !px-0",
    field: "w-full h-9 px-2.5 rounded-lg border border-line bg-raised text-ink text-sm",
    area: "w-full min-h-24 p-2.5 rounded-lg border border-line bg-raised text-ink text-sm",
    label: "block text-sm font-medium mb-1",
    tag: "inline-flex items-center h-5.5 px-1.75 rounded-md bg-raised border border-line text-xs text-soft whitespace-nowrap",
    muted: "text-soft text-sm",
  },
});
