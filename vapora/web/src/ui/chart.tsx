/** A line chart; uPlot is loaded when the first one is shown. The table beside it says the same to whoever cannot see it. */
import { useEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";

export interface Series {
  label: string;
  values: (number | null)[];
}

const COLOURS = ["#6366f1", "#0d9488", "#d97706", "#db2777", "#65a30d", "#0284c7", "#9333ea", "#dc2626"];

export function Chart({ days, series, unit, label }: { days: readonly string[]; series: readonly Series[]; unit: (value: number) => string; label: string }) {
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = ref.current;
    if (!element || !days.length) return;
    let plot: uPlot | null = null;
    let gone = false;
    let watcher: ResizeObserver | null = null;
    void Promise.all([import("uplot"), import("uplot/dist/uPlot.min.css")]).then(([{ default: Plot }]) => {
      if (gone) return;
      const ink = getComputedStyle(document.documentElement).getPropertyValue("--ink-soft");
      const line = getComputedStyle(document.documentElement).getPropertyValue("--line");
      const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line } };
      plot = new Plot(
        {
          width: element.clientWidth,
          height: 220,
          series: [
            {},
            ...series.map((one, index) => ({
              label: one.label,
              stroke: COLOURS[index % COLOURS.length],
              width: 2,
              points: { show: days.length < 40 },
              value: (_: uPlot, value: number | null) => (value == null ? "–" : unit(value)),
            })),
          ],
          axes: [axis, { ...axis, size: 64, values: (_: uPlot, ticks: number[]) => ticks.map(unit) }],
        },
        [days.map((day) => Date.parse(day) / 1_000), ...series.map((one) => one.values)] as uPlot.AlignedData,
        element,
      );
      watcher = new ResizeObserver(() => plot?.setSize({ width: element.clientWidth, height: 220 }));
      watcher.observe(element);
    });
    return () => {
      gone = true;
      watcher?.disconnect();
      plot?.destroy();
    };
  }, [days, series]);
  return <div ref={ref} role="img" aria-label={label} class="min-h-55 overflow-hidden" />;
}
