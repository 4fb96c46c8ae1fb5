/** How agents do, day by day and kind of work. */
import { useMemo } from "preact/hooks";
import { data, GET } from "../../api/client";
import type { KnowledgeCurves } from "../../api/types";
import { dollars, duration, percent, title } from "../../lib/format";
import { oneKind, type Series } from "../../lib/series";
import { useData } from "../../lib/use-data";
import { Figure } from "../../ui/figure";
import { KnowledgeFrame } from "../../ui/knowledge-page";
import { Loading } from "../../ui/page";

type Point = KnowledgeCurves["points"][number];

export function CurvesPage() {
  const { value, problem } = useData(async () => (await data(GET("/api/v1/knowledge/curves"))) as KnowledgeCurves, [], (frame) => frame.rows.some(({ view }) => view === "run"));
  return (
    <KnowledgeFrame heading="Learning curves" path="/knowledge/curves">
      {!value ? <Loading problem={problem} /> : value.points.length ? <Curves points={value.points} /> : <p class="glass frosted p-4 text-sm">No run has ended yet that says something about its agent.</p>}
    </KnowledgeFrame>
  );
}

function Curves({ points }: { points: readonly Point[] }) {
  const { rows, simulated } = useMemo(() => oneKind(points.map((one) => ({ ...one, key: {} }))), [points]);
  const [days, lines] = useMemo(() => {
    const all = [...new Set(rows.map((one) => one.day))].sort();
    const names = [...new Set(rows.map((one) => `${one.agent}: ${title(one.task_type)}`))].sort().slice(0, 8);
    const of = (pick: (one: Point) => number): Series[] =>
      names.map((label) => ({ label, values: all.map((day) => { const one = rows.find((each) => each.day === day && `${each.agent}: ${title(each.task_type)}` === label); return one ? pick(one) : null; }) }));
    return [all, { rate: of((one) => one.success_rate), took: of((one) => one.latency_ms), cost: of((one) => one.cost_microusd) }] as const;
  }, [rows]);
  const of = simulated ? " (rehearsals)" : "";
  return (
    <>
      <Figure heading={`Success rate by day${of}`} days={days} series={lines.rate} unit={percent} />
      <Figure heading={`Time a run by day${of}`} days={days} series={lines.took} unit={duration} />
      <Figure heading={`Cost by day${of}`} days={days} series={lines.cost} unit={dollars} />
    </>
  );
}
