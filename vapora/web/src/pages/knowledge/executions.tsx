/** All executions that are remembered, filtered, and those like one of them; and what telling agents of them does. */
import { useState } from "preact/hooks";
import { data, GET } from "../../api/client";
import type { Effect, Execution } from "../../api/types";
import { dollars, duration, percent } from "../../lib/format";
import { useData } from "../../lib/use-data";
import { Executions } from "../../ui/executions";
import { KnowledgeFrame } from "../../ui/knowledge-page";
import { Loading, Panel } from "../../ui/page";

interface Asked {
  task_type?: string;
  agent?: string;
  similar_to?: string;
}

export function ExecutionsPage() {
  const [asked, setAsked] = useState<Asked>({});
  const load = async () => ((await data(GET("/api/v1/knowledge/executions", { params: { query: { ...asked, limit: 100 } } }))) as { items: Execution[] }).items;
  const { value, problem } = useData(load, [asked], (frame) => frame.rows.some(({ view }) => view === "run"));
  function submit(event: Event): void {
    event.preventDefault();
    const filled = new FormData(event.currentTarget as HTMLFormElement);
    const said = (name: string) => String(filled.get(name) ?? "").trim() || undefined;
    setAsked({ task_type: said("task_type"), agent: said("agent"), similar_to: said("similar_to") } as Asked);
  }
  return (
    <KnowledgeFrame heading="Executions" path="/knowledge/executions">
      <form key={JSON.stringify(asked)} class="glass frosted p-4 flex flex-wrap gap-3 items-end" onSubmit={submit}>
        <label>
          <span class="label">Kind of work</span>
          <input class="field" name="task_type" defaultValue={asked.task_type ?? ""} maxLength={80} />
        </label>
        <label>
          <span class="label">Agent</span>
          <input class="field" name="agent" defaultValue={asked.agent ?? ""} maxLength={200} />
        </label>
        <label class="grow">
          <span class="label">Like this text, card or run</span>
          <input class="field" name="similar_to" defaultValue={asked.similar_to ?? ""} maxLength={5_000} />
        </label>
        <button class="btn-main">Find</button>
      </form>
      {!value || problem ? (
        <Loading problem={problem} />
      ) : value.length ? (
        <div class="glass frosted">
          <Executions items={value} name="Executions" similar={(id) => setAsked({ ...asked, similar_to: id })} />
        </div>
      ) : (
        <p class="glass frosted p-4 text-sm">Nothing is remembered of that.</p>
      )}
      <EffectPanel />
    </KnowledgeFrame>
  );
}

const ARMS: Record<string, string> = { given: "Told of past work", withheld: "Kept from it by chance", nothing: "Nothing to tell" };

function EffectPanel() {
  const { value, problem } = useData(async () => (await data(GET("/api/v1/knowledge/effect"))) as Effect, []);
  return (
    <Panel heading="What telling agents of past work does">
      {!value ? (
        <Loading problem={problem} />
      ) : (
        <>
          <div class="overflow-x-auto" tabIndex={0} role="region" aria-label="Effect, table">
            <table>
              <thead>
                <tr>
                  <th>Runs that were</th>
                  <th class="num">Runs</th>
                  <th class="num">Good</th>
                  <th class="num">Quality</th>
                  <th class="num">Median cost</th>
                  <th class="num">Median time</th>
                </tr>
              </thead>
              <tbody>
                {value.sums.map((one) => (
                  <tr key={one.arm}>
                    <td>{ARMS[one.arm]}</td>
                    <td class="num">{one.runs}</td>
                    <td class="num">{one.success_rate == null ? "" : percent(one.success_rate)}</td>
                    <td class="num">{one.quality == null ? "" : percent(one.quality)}</td>
                    <td class="num">{one.median_cost_microusd == null ? "" : dollars(one.median_cost_microusd)}</td>
                    <td class="num">{one.median_duration_ms == null ? "" : duration(one.median_duration_ms)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <p class="text-sm text-soft">
            Briefs: {value.in_briefs}
            {value.simulated ? ", rehearsals" : ""}. {value.caution}
          </p>
        </>
      )}
    </Panel>
  );
}
