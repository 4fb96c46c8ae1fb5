import { useMemo, useState } from "preact/hooks";
import { data, GET } from "../api/client";
import type { Cost } from "../api/types";
import { csv } from "../lib/csv";
import { count, dollars } from "../lib/format";
import { useData } from "../lib/use-data";
import type { Series } from "../lib/series";
import { Figure } from "../ui/figure";
import { Loading, Page } from "../ui/page";

const KEYS = ["provider", "model", "role", "task_type", "agent", "project", "task", "day"] as const;

export function CostsPage() {
  const [keys, setKeys] = useState<readonly string[]>(["provider", "role"]);
  const group = keys.join(",");
  const load = async () => ((await data(GET("/api/v1/costs", { params: { query: { group_by: group } } }))) as unknown as { items: Cost[] }).items;
  const { value, problem } = useData(load, [group], (frame) => frame.rows.some(({ view }) => view === "run" || view === "task"));
  const toggle = (key: string) => setKeys(keys.includes(key) ? keys.filter((one) => one !== key) : [...keys, key]);
  const rows = value?.filter((one) => keys.every((key) => key in one.key)) ?? [];
  return (
    <Page
      heading="Costs"
      aside={
        <button class="btn" disabled={!rows.length} onClick={() => download(keys, rows)}>
          Download as CSV
        </button>
      }
    >
      <fieldset class="glass frosted p-3 m-0 flex flex-wrap gap-3">
        <legend class="sr">Group by</legend>
        {KEYS.map((key) => (
          <label key={key} class="text-sm flex gap-1.5 items-center">
            <input type="checkbox" checked={keys.includes(key)} onChange={() => toggle(key)} />
            {key.replace("_", " ")}
          </label>
        ))}
      </fieldset>
      {!value ? <Loading problem={problem} /> : rows.length ? <Table keys={keys} rows={rows} /> : <p>Nothing was spent.</p>}
      {rows.some((one) => one.unknown_calls > 0) && (
        <p class="muted">Where no answer came, or one without a usage that can be true, the worst case of the call is booked; its tokens are not counted.</p>
      )}
      <ByDay />
    </Page>
  );
}

function Table({ keys, rows }: { keys: readonly string[]; rows: readonly Cost[] }) {
  return (
    <div class="glass frosted overflow-x-auto" tabIndex={0} role="region" aria-label="Costs, table">
      <table>
        <thead>
          <tr>
            {keys.map((key) => (
              <th key={key}>{key.replace("_", " ")}</th>
            ))}
            <th class="num">Calls</th>
            <th class="num">Tokens in</th>
            <th class="num">Tokens out</th>
            <th class="num">Cost</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((one) => (
            <tr key={JSON.stringify([one.key, one.simulated])}>
              {keys.map((key) => (
                <td key={key}>{one.key[key]}</td>
              ))}
              <td class="num">{count(one.calls)}</td>
              <td class="num">{count(one.tokens_in)}</td>
              <td class="num">{count(one.tokens_out)}</td>
              <td class="num">
                {dollars(one.cost_microusd)}
                {one.simulated && <span class="text-soft"> simulated</span>}
                {one.unknown_calls > 0 && (
                  <div class="text-warn text-xs">
                    of it {dollars(one.unknown_microusd)} for {count(one.unknown_calls)} {one.unknown_calls === 1 ? "call" : "calls"} without a known bill
                  </div>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function ByDay() {
  const load = async () =>
    ((await data(GET("/api/v1/costs", { params: { query: { group_by: "day,provider" } } }))) as unknown as { items: Cost[] }).items;
  const { value } = useData(load, []);
  const [days, series] = useMemo(() => {
    const all = [...new Set((value ?? []).map((one) => one.key.day ?? ""))].sort();
    const names = [...new Set((value ?? []).map((one) => one.key.provider ?? ""))].sort();
    const sum = (day: string, name: string) =>
      (value ?? []).filter((one) => one.key.day === day && one.key.provider === name).reduce((total, one) => total + one.cost_microusd, 0);
    return [all, names.map((name): Series => ({ label: name, values: all.map((day) => sum(day, name)) }))] as const;
  }, [value]);
  if (days.length < 2) return null;
  return (
    <Figure heading="By day and provider" days={days} series={series} unit={dollars} />
  );
}

function download(keys: readonly string[], rows: readonly Cost[]): void {
  const head = [...keys, "calls", "tokens_in", "tokens_out", "cost_microusd", "unknown_calls", "unknown_microusd", "simulated"];
  const body = rows.map((one) => [...keys.map((key) => one.key[key] ?? ""), one.calls, one.tokens_in, one.tokens_out, one.cost_microusd, one.unknown_calls, one.unknown_microusd, one.simulated]);
  const address = URL.createObjectURL(new Blob([csv([head, ...body])], { type: "text/csv" }));
  const link = Object.assign(document.createElement("a"), { href: address, download: "costs.csv" });
  link.click();
  URL.revokeObjectURL(address);
}
