/** A chart of days; uPlot is loaded when the first one is shown. The table below it says the same to whoever cannot see it. */
import { useEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";
import { stacked, type Series } from "../lib/series";
import { preferences } from "../state/preferences";

export type { Series };

const COLOURS = ["#6366f1", "#0d9488", "#d97706", "#db2777", "#65a30d", "#0284c7", "#9333ea", "#dc2626"];
const HEIGHT = 220;
const DAY_S = 86_400;

export interface ChartProps {
  days: readonly string[];
  series: readonly Series[];
  unit: (value: number) => string;
  label: string;
  /** `stack`: one on top of the other, the first one lowest. */
  kind?: "line" | "bars" | "stack";
}

export function Chart({ days, series, unit, label, kind = "line" }: ChartProps) {
  const ref = useRef<HTMLDivElement>(null);
  const { theme } = preferences.value;
  useEffect(() => {
    const element = ref.current;
    if (!element || !days.length) return;
    let plot: uPlot | null = null;
    let gone = false;
    let watcher: ResizeObserver | null = null;
    void Promise.all([import("uplot"), import("uplot/dist/uPlot.min.css")]).then(([{ default: Plot }]) => {
      if (gone) return;
      plot = new Plot(options(Plot, element, { days, series, unit, label, kind }), points(days, series, kind), element);
      watcher = new ResizeObserver(() => plot?.setSize({ width: element.clientWidth, height: HEIGHT }));
      watcher.observe(element);
    });
    return () => {
      gone = true;
      watcher?.disconnect();
      plot?.destroy();
    };
  }, [days, series, kind, theme]);
  // With room for the legend, so that nothing jumps when it comes.
  return <div ref={ref} role="img" aria-label={label} class="min-h-66 overflow-hidden" />;
}

function points(days: readonly string[], series: readonly Series[], kind: ChartProps["kind"]): uPlot.AlignedData {
  const values = kind === "stack" ? stacked(series).reverse() : series.map((one) => one.values);
  return [days.map((day) => Date.parse(day) / 1_000), ...values] as uPlot.AlignedData;
}

function options(Plot: typeof uPlot, element: HTMLElement, { days, series, unit, kind }: ChartProps): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const line = style.getPropertyValue("--line");
  const axis = { stroke: style.getPropertyValue("--ink-soft"), grid: { stroke: line, width: 1 }, ticks: { stroke: line } };
  const drawn = series.map((one, index) => {
    const colour = one.colour ?? (COLOURS[index % COLOURS.length] as string);
    return {
      label: one.label,
      stroke: colour,
      width: kind === "stack" ? 1 : 2,
      points: { show: kind === "line" && days.length < 40 },
      // What is stacked lies behind what is below it, so that each colour ends where the next begins.
      ...(kind === "stack" ? { fill: colour } : kind === "bars" ? { fill: `${colour}99`, paths: Plot.paths.bars?.({ size: [0.6, 40] }) } : {}),
      value: (_: uPlot, __: number | null, ___: number, at: number | null) => {
        const value = at == null ? null : one.values[at];
        return value == null ? "–" : unit(value);
      },
    };
  });
  return {
    width: element.clientWidth,
    height: HEIGHT,
    // Days are those of UTC, wherever they are looked at.
    tzDate: (seconds) => Plot.tzDate(new Date(seconds * 1_000), "Etc/UTC"),
    // Bars take half a day on either side.
    scales: { x: { range: (_, low, high) => (kind === "bars" ? [low - DAY_S / 2, high + DAY_S / 2] : [low, high]) }, y: { range: (_, low, high) => [Math.min(0, low ?? 0), Math.max(high ?? 0, Number.MIN_VALUE) * 1.08 || 1] } },
    series: [{ label: "Day", value: (_, seconds) => (seconds == null ? "–" : new Date(seconds * 1_000).toISOString().slice(0, 10)) }, ...(kind === "stack" ? drawn.reverse() : drawn)],
    axes: [{ ...axis, values: (_, ticks) => ticks.map((one) => new Date(one * 1_000).toISOString().slice(5, 10)), space: 56 }, { ...axis, size: 64, values: (_, ticks) => ticks.map(unit) }],
  };
}
