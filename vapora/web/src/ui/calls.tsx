/** The model calls of a run, from the log: what each cost, what failed, and which bills are not known. */
import { useState } from "preact/hooks";
import { data, GET, link } from "../api/client";
import type { LogEvent, Run } from "../api/types";
import { type Call, callOf } from "../lib/calls";
import { count, dollars, duration } from "../lib/format";
import { allPages } from "../lib/pages";
import { useData } from "../lib/use-data";
import { Loading } from "./page";

const PAGE = 500;

async function calls(run: string): Promise<readonly Call[]> {
  const query = { stream: `run:${run}`, limit: PAGE };
  const found = await allPages<LogEvent>((cursor) => data(GET("/api/v1/events", { params: { query: { ...query, after: Number(cursor ?? 0) } } })));
  return found.map(callOf).filter((one) => one !== null);
}

export function Calls({ run }: { run: Run }) {
  const [open, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary class="cursor-pointer text-sm">Model calls ({count(run.calls)} answered)</summary>
      {open && <Table run={run} />}
    </details>
  );
}

function Table({ run }: { run: Run }) {
  const { value, problem } = useData(() => calls(run.run_id), [run.run_id, run.position]);
  if (!value) return <Loading problem={problem} />;
  if (!value.length) return <p class="muted">No call was made.</p>;
  return (
    <div class="overflow-x-auto" tabIndex={0} role="region" aria-label="Model calls">
      <table>
        <thead>
          <tr>
            <th class="num">Step</th>
            <th>Model</th>
            <th class="num">Tokens in</th>
            <th class="num">out</th>
            <th class="num">Cost</th>
            <th class="num">Time</th>
            <th>Result</th>
          </tr>
        </thead>
        <tbody>
          {value.map((one) => (
            <tr key={one.position}>
              <td class="num">
                <a href={link(`/log?at=${one.position}`)}>
                  {one.step + 1}
                  {one.attempt > 1 ? `, try ${one.attempt}` : ""}
                </a>
              </td>
              <td class="break-words">{one.model}</td>
              <td class="num">{one.tokensIn === null ? "–" : count(one.tokensIn)}</td>
              <td class="num">{one.tokensOut === null ? "–" : count(one.tokensOut)}</td>
              <td class="num">{one.cost === null ? "–" : dollars(one.cost)}</td>
              <td class="num">{one.ms === null ? "–" : duration(one.ms)}</td>
              <td class={one.good ? "" : "text-warn"}>{one.result}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
