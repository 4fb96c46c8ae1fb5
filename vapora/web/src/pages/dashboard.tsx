/** How the work of a project flows: what is done, how long it takes, what it costs, and who does it. */
import { useMemo, useState } from "preact/hooks";
import { useRoute } from "preact-iso";
import { data, GET, link } from "../api/client";
import { COLUMNS, HEADINGS, type Cost, type Dashboard, type Project } from "../api/types";
import { count, dollars, duration, percent, title } from "../lib/format";
import { oneKind, type Series } from "../lib/series";
import { useData } from "../lib/use-data";
import { Figure } from "../ui/figure";
import { Loading, Page, Panel } from "../ui/page";
import { ProjectTabs } from "../ui/project-tabs";

const SPANS = [7, 30, 90] as const;
const GROUPS = { role: "Role", provider: "Provider", task_type: "Kind of work" } as const;
const STATES = { todo: "#94a3b8", "in-progress": "#6366f1", review: "#d97706", done: "#0d9488", failed: "#dc2626" } as const;
const seconds = (value: number): string => duration(value * 1_000);

interface Found {
  /** Null: all of them. */
  project: Project | null;
  flow: Dashboard;
  costs: Record<string, readonly Cost[]>;
}

/** Without an id, of all projects together. */
async function find(id: string, days: number): Promise<Found> {
  const path = { project_id: id };
  const spent = (group_by: string) => data(GET("/api/v1/costs", { params: { query: { group_by, ...(id ? path : {}) } } }));
  const groups = ["day", "agent", ...Object.keys(GROUPS)];
  const [project, flow, ...costs] = await Promise.all([
    id ? data(GET("/api/v1/projects/{project_id}", { params: { path } })) : null,
    data(id ? GET("/api/v1/projects/{project_id}/dashboard", { params: { path, query: { days } } }) : GET("/api/v1/flow", { params: { query: { days } } })),
    ...groups.map(spent),
  ]);
  const byGroup = Object.fromEntries(groups.map((group, at) => [group, (costs[at] as { items: Cost[] }).items]));
  return { project: project as Project | null, flow: sinceTheBeginning(flow as Dashboard), costs: byGroup };
}

const SHORTEST = 7;

/** Without the empty days before a young project began, but for a week of them. */
function sinceTheBeginning(flow: Dashboard): Dashboard {
  const began = flow.days.findIndex((day) => day.submitted > 0 || Object.values(day.cards).some(Boolean));
  const first = Math.min(began < 0 ? flow.days.length : began, flow.days.length - SHORTEST);
  return { ...flow, days: flow.days.slice(Math.max(0, first)) };
}

export function DashboardPage() {
  const id = useRoute().params.project ?? "";
  const [days, setDays] = useState<number>(30);
  const { value, problem } = useData(() => find(id, days), [id, days], (frame) =>
    frame.rows.some(({ view, row }) => (view === "task" || view === "run" || view === "column") && (!id || row.project_id === id)),
  );
  return (
    <Page
      heading={value?.project?.name ?? (id ? "Dashboard" : "All projects")}
      aside={
        <>
          {id && <ProjectTabs project={id} current="dashboard" />}
          <select class="field !w-auto" aria-label="Days shown" value={days} onChange={(event) => setDays(Number(event.currentTarget.value))}>
            {SPANS.map((span) => (
              <option key={span} value={span}>
                {span} days
              </option>
            ))}
          </select>
        </>
      }
    >
      {value ? <Shown {...value} span={days} /> : <Loading problem={problem} />}
    </Page>
  );
}

function Shown({ project, flow, costs, span }: Found & { span: number }) {
  const days = useMemo(() => flow.days.map((one) => one.day), [flow]);
  const series = useMemo(() => lines(flow), [flow]);
  const spent = useMemo(() => byDay(days, costs.day ?? []), [days, costs]);
  return (
    <>
      <Overview flow={flow} costs={costs.day ?? []} span={span} />
      <div class="grid lg:grid-cols-2 gap-4">
        <Figure heading="Throughput" kind="bars" days={days} series={series.throughput} unit={count} />
        <Figure heading="Cycle and lead time, medians" days={days} series={series.times} unit={seconds} />
        <Figure heading="Cumulative flow" kind="stack" days={days} series={series.states} unit={count} />
        <Figure heading={spent.simulated ? "Cost by day, simulated" : "Cost by day"} kind="bars" days={days} series={spent.series} unit={dollars} />
      </div>
      <div class="grid lg:grid-cols-3 gap-4">
        {Object.entries(GROUPS).map(([group, name]) => (
          <Shares key={group} heading={`Cost by ${name.toLowerCase()}`} group={group} costs={costs[group] ?? []} />
        ))}
      </div>
      <Team flow={flow} costs={costs.agent ?? []} />
      {!project && <Projects />}
    </>
  );
}

/** Lines of the same days are made once, so that a chart is not drawn anew for nothing. */
function lines(flow: Dashboard): Record<"throughput" | "times" | "states", Series[]> {
  const of = (label: string, value: (day: Dashboard["days"][number]) => number | null, colour?: string): Series => ({
    label,
    values: flow.days.map(value),
    ...(colour ? { colour } : {}),
  });
  return {
    throughput: [of("Handed in", (day) => day.submitted, "#94a3b8"), of("Done", (day) => day.done, "#0d9488"), of("Failed", (day) => day.failed, "#dc2626")],
    times: [of("Cycle", (day) => day.cycle_s), of("Lead", (day) => day.lead_s)],
    states: (["done", "review", "in-progress", "failed", "todo"] as const).map((state) => of(HEADINGS[state], (day) => day.cards[state] ?? 0, STATES[state])),
  };
}

function byDay(days: readonly string[], costs: readonly Cost[]): { series: Series[]; simulated: boolean } {
  const { rows, simulated } = oneKind(costs);
  const found = new Map(rows.map((one) => [one.key.day, one.cost_microusd]));
  return { series: [{ label: "Cost", values: days.map((day) => found.get(day) ?? 0) }], simulated };
}

function Overview({ flow, costs, span }: { flow: Dashboard; costs: readonly Cost[]; span: number }) {
  const { rows, simulated } = oneKind(costs);
  const first = flow.days[0]?.day ?? "";
  const within = rows.filter((one) => (one.key.day ?? "") >= first).reduce((sum, one) => sum + one.cost_microusd, 0);
  const done = flow.days.reduce((sum, one) => sum + one.done, 0);
  const tiles: [string, string, string][] = [
    ["Done", count(done), `in ${span} days`],
    ["Cycle time", flow.cycle ? seconds(flow.cycle.median_s) : "–", flow.cycle ? `85 % within ${seconds(flow.cycle.p85_s)}` : "nothing was done"],
    ["Lead time", flow.lead ? seconds(flow.lead.median_s) : "–", flow.lead ? `85 % within ${seconds(flow.lead.p85_s)}` : "nothing was done"],
    ["Cost", dollars(within), simulated ? "simulated" : done ? `${dollars(Math.round(within / done))} a card` : ""],
  ];
  return (
    <section aria-label="Overview" class="flex flex-col gap-3">
      <dl class="m-0 grid grid-cols-2 md:grid-cols-4 gap-3">
        {tiles.map(([name, value, more]) => (
          <div key={name} class="glass frosted p-4">
            <dt class="text-sm text-soft">{name}</dt>
            <dd class="m-0 text-2xl font-semibold tabular-nums">{value}</dd>
            <dd class="m-0 text-xs text-soft min-h-4">{more}</dd>
          </div>
        ))}
      </dl>
      <p class="flex flex-wrap gap-1.5">
        {COLUMNS.map((column) => (
          <span key={column} class="tag">
            {HEADINGS[column]}: {count(flow.cards[column] ?? 0)}
          </span>
        ))}
      </p>
    </section>
  );
}

function Shares({ heading, group, costs }: { heading: string; group: string; costs: readonly Cost[] }) {
  const { rows, simulated } = oneKind(costs);
  const total = rows.reduce((sum, one) => sum + one.cost_microusd, 0);
  const ranked = [...rows].sort((one, other) => other.cost_microusd - one.cost_microusd);
  return (
    <Panel heading={simulated ? `${heading}, simulated` : heading}>
      {ranked.length === 0 && <p class="muted">Nothing was spent.</p>}
      <ul class="m-0 p-0 list-none flex flex-col gap-2">
        {ranked.map((one) => (
          <li key={one.key[group]} class="text-sm">
            <div class="flex gap-2">
              <span class="grow min-w-0 break-words">{title(one.key[group] ?? "")}</span>
              <span class="tabular-nums">{dollars(one.cost_microusd)}</span>
              <span class="text-soft tabular-nums w-12 text-right">{total ? percent(one.cost_microusd / total) : "–"}</span>
            </div>
            <div aria-hidden="true" class="h-1.5 rounded-full bg-accent min-w-0.5" style={{ width: `${total ? (one.cost_microusd / total) * 100 : 0}%` }} />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

/** The way to the dashboard of each. */
function Projects() {
  const { value, problem } = useData(() => data(GET("/api/v1/projects", { params: { query: { limit: 500 } } })), [], (frame) => frame.rows.some(({ view }) => view === "project"));
  if (!value) return <Loading problem={problem} />;
  return (
    <Panel heading="Projects">
      <ul class="m-0 p-0 list-none flex flex-wrap gap-2">
        {(value as { items: Project[] }).items.map((one) => (
          <li key={one.id}>
            <a class="btn" href={`/p/${one.id}/dashboard`} dir="auto">
              {one.name}
            </a>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Team({ flow, costs }: { flow: Dashboard; costs: readonly Cost[] }) {
  const cost = (agent: string, simulated: boolean) => costs.find((one) => one.key.agent === agent && one.simulated === simulated)?.cost_microusd ?? 0;
  return (
    <Panel heading="Team, since the beginning">
      {flow.team.length === 0 ? (
        <p class="muted">No agent has worked here yet.</p>
      ) : (
        <div class="overflow-x-auto" tabIndex={0} role="region" aria-label="Team, table">
          <table>
            <thead>
              <tr>
                {["Agent", "Runs", "Succeeded", "Failed", "Cancelled", "Mean time", "Cost"].map((name, at) => (
                  <th key={name} class={at ? "num" : ""}>
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {flow.team.map((one) => {
                const ended = one.succeeded + one.failed + one.cancelled;
                return (
                  <tr key={`${one.agent_id}/${one.simulated}`}>
                    <td>
                      <a href={link(`/agents/${one.agent_id}`)}>{one.agent_id}</a>
                      {one.simulated && <span class="text-soft"> (simulated)</span>}
                    </td>
                    <td class="num">{count(one.runs)}</td>
                    <td class="num">{count(one.succeeded)}</td>
                    <td class="num">{count(one.failed)}</td>
                    <td class="num">{count(one.cancelled)}</td>
                    <td class="num">{ended ? seconds(Math.round(one.busy_s / ended)) : "–"}</td>
                    <td class="num">{dollars(cost(one.agent_id, one.simulated))}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}
