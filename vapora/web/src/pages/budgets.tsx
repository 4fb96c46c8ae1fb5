import { useState } from "preact/hooks";
import { data, GET, PATCH, workspace } from "../api/client";
import type { Budget } from "../api/types";
import { changed } from "../lib/changed";
import { cents, dollars, percent } from "../lib/format";
import { useData } from "../lib/use-data";
import { may } from "../state/me";
import { refused, tell } from "../state/toasts";
import { Dialog } from "../ui/dialog";
import { Loading, Page } from "../ui/page";
import { Past, useAt } from "../ui/past";

const all = async (at: string) =>
  ((await data(GET("/api/v1/budgets", { params: { query: at ? { at } : {} } }))) as unknown as { items: Budget[] }).items;
const TIERS: Record<string, string> = { normal: "text-good", near: "text-warn", exceeded: "text-bad" };

export function BudgetsPage() {
  const at = useAt();
  const { value, problem, reload } = useData(() => all(at), [at], (frame) => !at && frame.rows.some(({ view }) => view === "budget"));
  const [editing, setEditing] = useState<Budget | "new" | null>(null);
  return (
    <Page
      heading="Budgets"
      aside={
        <>
          <Past />
          {!at && may("set_budget", "edit_budget") && (
            <button class="btn-main" onClick={() => setEditing("new")}>
              Set a limit
            </button>
          )}
        </>
      }
    >
      <p class="muted">
        No priced call crosses a limit: before each call its worst case is held. Held money is given back or spent when the call is over.
      </p>
      {!value ? <Loading problem={problem} /> : value.length === 0 ? <p>No limit is set, and nothing was spent.</p> : <Table budgets={value} edit={at || !may("edit_budget") ? null : setEditing} />}
      {editing && (
        <Dialog heading={editing === "new" ? "Set a limit" : `Limits of ${editing.scope} ${editing.id}`} close={() => setEditing(null)}>
          <LimitForm budget={editing === "new" ? null : editing} done={() => (setEditing(null), reload())} />
        </Dialog>
      )}
    </Page>
  );
}

function Table({ budgets, edit }: { budgets: readonly Budget[]; edit: ((budget: Budget) => void) | null }) {
  return (
    <div class="glass frosted overflow-x-auto" tabIndex={0} role="region" aria-label="Budgets, table">
      <table>
        <thead>
          <tr>
            <th>Of</th>
            <th>Tier</th>
            <th class="num">Month: spent</th>
            <th class="num">held</th>
            <th class="num">limit</th>
            <th class="num">Week: spent</th>
            <th class="num">limit</th>
            <th class="num">Used</th>
            <th>When used up</th>
            {edit && (
              <th>
                <span class="sr">Change</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {budgets.map((one) => (
            <tr key={`${one.scope}/${one.id}/${one.simulated}`}>
              <td>
                <span class="text-soft">{one.scope}</span> {one.id}
                {one.simulated && <span class="text-soft"> (simulated)</span>}
              </td>
              <td class={TIERS[one.tier]}>{one.tier}</td>
              <td class="num">{dollars(one.spent_microusd ?? one.monthly_spent_microusd)}</td>
              <td class="num">{dollars(one.held_microusd ?? one.monthly_held_microusd)}</td>
              <td class="num">{cents(one.limit_cents ?? one.monthly_limit_cents)}</td>
              <td class="num">{dollars(one.weekly_spent_microusd)}</td>
              <td class="num">{cents(one.weekly_limit_cents)}</td>
              <td class="num">{percent(one.utilisation)}</td>
              <td>{one.when_exceeded === "stop" ? "stop" : "go on with free models"}</td>
              {edit && (
                <td class="!py-0.75">
                  <button class="btn-quiet !h-7" aria-label={`Change the limits of ${one.scope} ${one.id}`} onClick={() => edit(one)}>
                    Change
                  </button>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

type Limits = Record<string, number | string | null>;

/** What differs from the budget as it was shown; where a new limit is set, all that was filled in. */
function changes(budget: Budget | null, wanted: Limits): Partial<Limits> {
  const before: Limits = budget ? { ...(budget as unknown as Limits) } : { overflow_cents: 0, when_exceeded: "fallback" };
  return changed(before, wanted);
}

const SCOPES = ["workspace", "project", "role", "agent", "task"];

function LimitForm({ budget, done }: { budget: Budget | null; done: () => void }) {
  const [scope, setScope] = useState<string>(budget?.scope ?? "workspace");
  async function save(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const money = (name: string) => {
      const text = String(form.get(name) ?? "").trim();
      return text === "" ? null : Math.round(Number(text) * 100);
    };
    const id = budget?.id ?? String(form.get("id") ?? "").trim();
    const wanted: Limits = {
      ...(scope === "task" ? { limit_cents: money("whole") } : { monthly_limit_cents: money("monthly"), weekly_limit_cents: money("weekly") }),
      overflow_cents: money("overflow") ?? 0,
      when_exceeded: form.get("when") as string,
    };
    // Only what was changed here is sent, so that another person's change of another field is kept.
    const body = changes(budget, wanted) as never;
    if (Object.keys(body).length === 0) return done();
    try {
      if (scope === "task") await PATCH("/api/v1/budgets/task/{task_id}", { params: { path: { task_id: id } }, body });
      else await PATCH("/api/v1/budgets/{scope}/{id}", { params: { path: { scope, id } }, body });
      tell(`The limits of ${scope} ${id} are set.`);
      done();
    } catch (error) {
      refused(error, "Not set");
    }
  }
  const value = (amount: number | null | undefined) => (amount == null ? "" : (amount / 100).toFixed(2));
  return (
    <form class="flex flex-col gap-3" onSubmit={(event) => void save(event as unknown as SubmitEvent)}>
      {!budget && (
        <div class="grid sm:grid-cols-2 gap-3">
          <label>
            <span class="label">Of a</span>
            <select class="field" value={scope} onChange={(event) => setScope(event.currentTarget.value)}>
              {SCOPES.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          </label>
          <label>
            <span class="label">Its id</span>
            <input class="field" name="id" required defaultValue={scope === "workspace" ? workspace : ""} />
          </label>
        </div>
      )}
      <p class="muted">In dollars. An empty field is no limit.</p>
      <div class="grid sm:grid-cols-2 gap-3">
        {scope === "task" ? (
          <Money name="whole" label="Over its whole life" value={value(budget?.limit_cents)} />
        ) : (
          <>
            <Money name="monthly" label="A month" value={value(budget?.monthly_limit_cents)} />
            <Money name="weekly" label="A week" value={value(budget?.weekly_limit_cents)} />
          </>
        )}
        <Money name="overflow" label="Overflow, for cheap models" value={value(budget?.overflow_cents ?? 0)} />
        <label>
          <span class="label">When it is used up</span>
          <select class="field" name="when">
            <option value="fallback" selected={budget?.when_exceeded !== "stop"}>
              go on with free models
            </option>
            <option value="stop" selected={budget?.when_exceeded === "stop"}>
              stop
            </option>
          </select>
        </label>
      </div>
      <button class="btn-main self-start">Set</button>
    </form>
  );
}

function Money({ name, label, value }: { name: string; label: string; value: string }) {
  return (
    <label>
      <span class="label">{label}</span>
      <input class="field" name={name} type="number" min={0} step="0.01" defaultValue={value} />
    </label>
  );
}
