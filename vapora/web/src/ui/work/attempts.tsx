/** Several tries at one card, side by side, until a person picks one. */
import { useState } from "preact/hooks";
import { data, GET, POST } from "../../api/client";
import type { Attempt, Task } from "../../api/types";
import { dollars } from "../../lib/format";
import { useData } from "../../lib/use-data";
import { may } from "../../state/me";
import { Dialog } from "../dialog";
import { Loading, Panel } from "../page";
import { decide } from "./state";

async function find(task: string): Promise<readonly Attempt[]> {
  const page = (await data(GET("/api/v1/tasks/{task_id}/attempts", { params: { path: { task_id: task } } }))) as { items: Attempt[] };
  return page.items;
}

export function Attempts({ task, changed }: { task: Task; changed: () => void }) {
  const [asking, setAsking] = useState(false);
  const { value, problem, reload } = useData(
    () => find(task.id),
    [task.id],
    (frame) => frame.rows.some((one) => one.key === task.id),
  );
  async function pick(number: number): Promise<void> {
    const params = { path: { task_id: task.id, number } };
    if (await decide((header) => POST("/api/v1/tasks/{task_id}/attempts/{number}/pick", { params: { ...params, header } }), `Attempt ${number} is the card's.`, "Not picked")) {
      reload();
      changed();
    }
  }
  return (
    <Panel heading="Attempts">
      {!value ? (
        <Loading problem={problem} />
      ) : value.length === 0 ? (
        <p class="muted">None yet.</p>
      ) : (
        <div class="overflow-x-auto" tabIndex={0} role="region" aria-label="Attempts in a table">
          <table>
            <thead>
              <tr>
                <th class="num">No.</th>
                <th>State</th>
                <th>Agent</th>
                <th>Checks</th>
                <th class="num">Cost</th>
                <th>Result</th>
                <th>
                  <span class="sr">Pick</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {value.map((one) => (
                <tr key={one.number}>
                  <td class="num">{one.number}</td>
                  <td>{one.state}</td>
                  <td>
                    {one.agent_id ?? "–"}
                    {one.model ? `, ${one.model}` : ""}
                  </td>
                  <td>{one.checks ?? "–"}</td>
                  <td class="num">{dollars(one.cost_microusd)}</td>
                  <td class="break-words" dir="auto">
                    {one.summary}
                    {one.head && <span class="text-soft"> {one.head.slice(0, 10)}</span>}
                  </td>
                  <td>
                    {one.picked ? (
                      <span class="tag">the card's</span>
                    ) : one.state === "succeeded" && may("pick_attempt") ? (
                      <button class="btn" onClick={() => void pick(one.number)}>
                        Pick<span class="sr"> attempt {one.number}</span>
                      </button>
                    ) : null}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {may("start_attempt") && (
        <button class="btn self-start" onClick={() => setAsking(true)}>
          Another attempt
        </button>
      )}
      {asking && <Ask task={task} close={() => setAsking(false)} done={() => (reload(), changed())} />}
    </Panel>
  );
}

function Ask({ task, close, done }: { task: Task; close: () => void; done: () => void }) {
  async function send(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const said = Object.fromEntries([...form.entries()].filter(([, value]) => String(value).trim()));
    const body = { ...said, ...("from_step" in said ? { from_step: Number(said.from_step) } : {}) };
    const params = { path: { task_id: task.id } };
    if (await decide((header) => POST("/api/v1/tasks/{task_id}/attempts", { params: { ...params, header }, body: body as never }), "It is tried again.", "Not begun")) {
      close();
      done();
    }
  }
  return (
    <Dialog heading="Another attempt" close={close}>
      <form class="flex flex-col gap-3" onSubmit={(event) => void send(event as unknown as SubmitEvent)}>
        <p class="muted">It works on a branch of its own. What is left empty is chosen as for any card.</p>
        <label>
          <span class="label">Agent</span>
          <input class="field" name="agent" maxLength={80} />
        </label>
        <label>
          <span class="label">Model, such as anthropic/claude-sonnet-5-5</span>
          <input class="field" name="model" maxLength={200} />
        </label>
        <label>
          <span class="label">From step (empty: from the base)</span>
          <input class="field" name="from_step" type="number" min={0} />
        </label>
        <button class="btn-main self-start">Begin</button>
      </form>
    </Dialog>
  );
}
