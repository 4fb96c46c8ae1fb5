import { useMemo } from "preact/hooks";
import { useRoute } from "preact-iso";
import { data, GET, link } from "../api/client";
import type { Agent, Learning, Role } from "../api/types";
import { percent, title } from "../lib/format";
import { useData } from "../lib/use-data";
import type { Series } from "../lib/series";
import { Figure } from "../ui/figure";
import { Loading, Page, Panel } from "../ui/page";
import { Drain, Load, Switch } from "./agents";

interface Found {
  agent: Agent;
  learning: Learning;
  role: Role | null;
}

async function find(id: string): Promise<Found> {
  const params = { path: { agent_id: id } };
  const agent = (await data(GET("/api/v1/agents/{agent_id}", { params }))) as Agent;
  const [learning, role] = await Promise.all([
    data(GET("/api/v1/agents/{agent_id}/learning", { params })),
    data(GET("/api/v1/roles/{role_id}", { params: { path: { role_id: agent.role } } })),
  ]);
  return { agent, learning: learning as Learning, role: role as Role };
}

export function AgentPage() {
  const id = useRoute().params.agent ?? "";
  const { value, problem, reload } = useData(() => find(id), [id], (frame) =>
    frame.rows.some(({ view, key }) => view === "agent" && key === id),
  );
  if (!value) {
    return (
      <Page heading={id}>
        <Loading problem={problem} />
      </Page>
    );
  }
  const { agent, learning, role } = value;
  return (
    <Page heading={agent.name || agent.id} aside={
        <div class="flex gap-2">
          <Drain agent={agent} changed={reload} />
          <Switch agent={agent} changed={reload} />
        </div>
      }>
      <div class="glass frosted p-4 flex flex-col gap-2">
        <p class="text-sm">
          {title(agent.role)}, {agent.state}
          {agent.reason && ` (${agent.reason})`}. {role?.description}
        </p>
        <Load agent={agent} />
      </div>
      <Panel heading="What it has learnt">
        <Profiles learning={learning} />
      </Panel>
      <Curve learning={learning} />
      {role && <Manifest role={role} agent={agent} />}
    </Page>
  );
}

function Profiles({ learning }: { learning: Learning }) {
  if (!learning.profiles.length) return <p class="muted">Nothing yet: it learns from its runs.</p>;
  return (
    <div class="overflow-x-auto">
      <table>
        <thead>
          <tr>
            <th>Kind of work</th>
            <th class="num">Runs</th>
            <th class="num">Success</th>
            <th class="num">Expertise</th>
            <th class="num">Confidence</th>
          </tr>
        </thead>
        <tbody>
          {learning.profiles.map((one) => (
            <tr key={`${one.task_type}/${one.simulated}`}>
              <td>
                {title(one.task_type)}
                {one.simulated && <span class="text-soft"> (simulated)</span>}
              </td>
              <td class="num">{one.runs}</td>
              <td class="num">{percent(one.success_rate)}</td>
              <td class="num">{percent(one.expertise)}</td>
              <td class="num">{percent(one.confidence)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Curve({ learning }: { learning: Learning }) {
  const [days, series] = useMemo(() => {
    const all = [...new Set(learning.curve.map((one) => one.day))].sort();
    const types = [...new Set(learning.curve.map((one) => one.task_type))].sort();
    const lines: Series[] = types.map((type) => ({
      label: title(type),
      values: all.map((day) => learning.curve.find((one) => one.day === day && one.task_type === type)?.success_rate ?? null),
    }));
    return [all, lines] as const;
  }, [learning]);
  // One day is a point, not a curve; the table says it better.
  if (days.length < 2) return null;
  return <Figure heading="Success rate by day and kind of work" days={days} series={series} unit={percent} />;
}

function Manifest({ role, agent }: { role: Role; agent: Agent }) {
  const lists: [string, readonly string[]][] = [
    ["Takes", agent.task_types],
    ["Capabilities", agent.capabilities],
    ["May", role.may],
    ["May not", role.may_not],
    ["Works from", role.consumes],
    ["Hands in", role.produces],
  ];
  return (
    <Panel heading="Its role">
      <dl class="m-0 grid sm:grid-cols-2 gap-3">
        {lists
          .filter(([, items]) => items.length)
          .map(([name, items]) => (
            <div key={name}>
              <dt class="text-xs text-soft">{name}</dt>
              <dd class="m-0 text-sm">{items.join(items.every((one) => one.endsWith(".")) ? " " : ", ")}</dd>
            </div>
          ))}
      </dl>
      <details>
        <summary class="cursor-pointer text-sm">Its system prompt</summary>
        <pre tabIndex={0} class="mt-2 max-h-120 overflow-auto">{role.prompt}</pre>
      </details>
      <p class="text-sm">
        See also its <a href={link("/budgets")}>budget</a> and its <a href={link("/costs")}>costs</a>.
      </p>
    </Panel>
  );
}
