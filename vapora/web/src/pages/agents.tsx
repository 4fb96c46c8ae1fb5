import { data, GET, link, PATCH, POST } from "../api/client";
import type { Agent } from "../api/types";
import { useData } from "../lib/use-data";
import { may } from "../state/me";
import { refused } from "../state/toasts";
import { Loading, Page } from "../ui/page";
import { Past, useAt } from "../ui/past";

const COLOURS: Record<string, string> = { busy: "text-good", idle: "text-soft", disabled: "text-warn", draining: "text-warn", offline: "text-bad" };

const all = async (at: string) =>
  ((await data(GET("/api/v1/agents", { params: { query: at ? { at } : {} } }))) as unknown as { items: Agent[] }).items;

export function AgentsPage() {
  const at = useAt();
  const { value, problem, reload } = useData(() => all(at), [at], (frame) => !at && frame.rows.some(({ view }) => view === "agent"));
  return (
    <Page heading="Agents" aside={<Past />}>
      {!value ? (
        <Loading problem={problem} />
      ) : (
        <ul class="m-0 p-0 list-none grid sm:grid-cols-2 lg:grid-cols-3 xl:grid-cols-4 gap-3">
          {value.map((agent) => (
            <li key={agent.id} class="glass frosted p-3 flex flex-col gap-2">
              <div class="flex items-baseline gap-2">
                <a href={link(`/agents/${agent.id}`)} class="font-semibold grow min-w-0 break-words text-ink no-underline hover:underline">
                  {agent.name || agent.id}
                </a>
                <span class={`text-sm ${COLOURS[agent.state] ?? ""}`}>{agent.state}</span>
              </div>
              {agent.reason && <p class="text-sm text-soft m-0">{agent.reason}</p>}
              <Load agent={agent} />
              {!at && <Switch agent={agent} changed={reload} />}
            </li>
          ))}
        </ul>
      )}
    </Page>
  );
}

export function Load({ agent }: { agent: Agent }) {
  return (
    <label class="text-sm text-soft flex items-center gap-2">
      <meter class="grow" min={0} max={agent.capacity} value={agent.running} />
      {agent.running} of {agent.capacity} at once
    </label>
  );
}

export function Switch({ agent, changed }: { agent: Agent; changed: () => void }) {
  const enabled = agent.state !== "disabled" && agent.state !== "draining";
  if (!may("edit_agent")) return null;
  async function set(): Promise<void> {
    try {
      await PATCH("/api/v1/agents/{agent_id}", { params: { path: { agent_id: agent.id } }, body: { enabled: !enabled } });
      changed();
    } catch (error) {
      refused(error, `${agent.id} was not changed`);
    }
  }
  return (
    <button class="btn self-start" aria-label={`${enabled ? "Disable" : "Enable"} ${agent.id}`} onClick={() => void set()}>
      {enabled ? "Disable" : "Enable"}
    </button>
  );
}

/** Before a change: it ends what it has and gets nothing new. */
export function Drain({ agent, changed }: { agent: Agent; changed: () => void }) {
  if (!may("drain_agent") || agent.state === "disabled" || agent.state === "draining") return null;
  async function drain(): Promise<void> {
    try {
      await POST("/api/v1/agents/{agent_id}/drain", { params: { path: { agent_id: agent.id } }, body: { reason: "" } });
      changed();
    } catch (error) {
      refused(error, `${agent.id} was not drained`);
    }
  }
  return (
    <button class="btn self-start" aria-label={`Drain ${agent.id}`} onClick={() => void drain()}>
      Drain
    </button>
  );
}
