/** Plans: from a goal to cards, as a conversation with the project manager beside the cards that it proposes. */
import { useState } from "preact/hooks";
import { useLocation, useRoute } from "preact-iso";
import { data, GET, link, POST, requestKey } from "../api/client";
import type { Plan, PlanSummary, ProposedCard } from "../api/types";
import { useForm } from "../lib/form";
import { dollars, duration, moment, title } from "../lib/format";
import { useData } from "../lib/use-data";
import { loadProjects } from "../state/board";
import { may } from "../state/me";
import { preferences } from "../state/preferences";
import { refused, tell } from "../state/toasts";
import { Listing } from "../ui/listing";
import { Refused } from "../ui/outside";
import { Loading, Panel } from "../ui/page";
import { ProjectSelect } from "../ui/project-select";
import { WorkflowsFrame } from "../ui/workflows-page";

const newest = async () => {
  void loadProjects();
  return ((await data(GET("/api/v1/plans", {}))) as { items: PlanSummary[] }).items;
};

export function PlansPage() {
  const { value, problem } = useData(newest, [], (frame) => frame.rows.some(({ view }) => view === "task"));
  const { route } = useLocation();
  const form = useForm(async (filled) => {
    const body = { goal: filled("goal"), project_id: filled("project") };
    const made = (await data(POST("/api/v1/plans", { params: { header: requestKey() }, body }))) as { id: string };
    route(link(`/plans/${made.id}`));
  });
  return (
    <WorkflowsFrame heading="Plans" path="/plans">
      {may("create_plan") && (
        <Panel heading="From a goal to cards">
          <form class="flex flex-col gap-3" onSubmit={form.submit}>
            <label>
              <span class="label">What shall be true in the end?</span>
              <textarea class="area" name="goal" required minLength={3} maxLength={20_000} placeholder="People can export their links as CSV." />
            </label>
            <ProjectSelect required />
            <Refused text={form.problem} />
            <button class="btn-main self-start" disabled={form.busy}>
              Plan it
            </button>
          </form>
        </Panel>
      )}
      <Listing
        name="Plans"
        columns={["Goal", "State", "Asked for"]}
        items={value}
        problem={problem}
        empty="Nothing was planned yet."
        row={(one) => (
          <tr key={one.id}>
            <td dir="auto">
              <a href={link(`/plans/${one.id}`)}>{one.goal}</a>
            </td>
            <td>{title(one.state)}</td>
            <td>{moment(one.created_at, preferences.value.zone || undefined)}</td>
            <td />
          </tr>
        )}
      />
    </WorkflowsFrame>
  );
}

export function PlanPage() {
  const { plan } = useRoute().params as { plan: string };
  const [after, setAfter] = useState(0);
  const load = async () => (await data(GET("/api/v1/plans/{plan_id}", { params: { path: { plan_id: plan }, query: after ? { after } : {} } }))) as Plan;
  const { value, problem } = useData(load, [plan, after], (frame) => frame.rows.some(({ view }) => view === "task"));
  return (
    <WorkflowsFrame heading="Plan" path="/plans">
      {!value ? (
        <Loading problem={problem} />
      ) : (
        <div class="grid lg:grid-cols-[minmax(0,2fr)_minmax(0,3fr)] gap-4 items-start">
          <Talk plan={value} wrote={setAfter} />
          <Cards key={value.seen ?? ""} plan={value} wrote={setAfter} />
        </div>
      )}
    </WorkflowsFrame>
  );
}

function Talk({ plan, wrote }: { plan: Plan; wrote: (position: number) => void }) {
  const { busy, problem, submit } = useForm(async (filled, form) => {
    const path = { plan_id: plan.id };
    const made = (await data(POST("/api/v1/plans/{plan_id}/revise", { params: { path, header: requestKey() }, body: { text: filled("text") } }))) as { position: number };
    form.reset();
    wrote(made.position);
  });
  const goesOn = plan.state === "proposed" || plan.state === "failed";
  return (
    <Panel heading="Conversation">
      <ol class="m-0 p-0 list-none flex flex-col gap-3" aria-label="What was said">
        {plan.rounds.map((one) => (
          <li key={one.task_id} class="flex flex-col gap-2">
            <p class="bg-raised border border-line rounded-lg p-2.5 whitespace-pre-wrap break-words" dir="auto">
              {one.text}
            </p>
            <div class="ps-3 border-s-2 border-accent text-sm whitespace-pre-wrap break-words" dir="auto">
              {one.answer ?? (plan.state === "failed" ? plan.problem : "The project manager is at work…")}{" "}
              <a href={link(`/t/${one.task_id}`)}>Its card</a>
            </div>
          </li>
        ))}
      </ol>
      {goesOn && may("revise_plan") && (
        <form class="flex flex-col gap-2" onSubmit={submit}>
          <label>
            <span class="label">What shall be different?</span>
            <textarea class="area !min-h-16" name="text" required minLength={3} maxLength={20_000} />
          </label>
          <Refused text={problem} />
          <button class="btn self-start" disabled={busy}>
            Ask again
          </button>
        </form>
      )}
    </Panel>
  );
}

type Edited = Omit<ProposedCard, "estimate">;

function Cards({ plan, wrote }: { plan: Plan; wrote: (position: number) => void }) {
  const [cards, setCards] = useState<readonly Edited[]>(plan.cards.map(({ estimate: _, ...card }) => card));
  const [busy, setBusy] = useState(false);
  const open = plan.state === "proposed";
  const change = (key: string, what: Partial<Edited>) => setCards((all) => all.map((one) => (one.key === key ? { ...one, ...what } : one)));
  /** Who waited for it now waits for what it waited for. */
  const leaveOut = (gone: Edited) =>
    setCards((all) =>
      all
        .filter((one) => one.key !== gone.key)
        .map((one) => (one.waits_for.includes(gone.key) ? { ...one, waits_for: [...new Set([...one.waits_for.filter((key) => key !== gone.key), ...gone.waits_for])] } : one)),
    );
  async function send(what: "accept" | "dismiss"): Promise<void> {
    const params = { params: { path: { plan_id: plan.id }, header: requestKey() } };
    setBusy(true);
    try {
      const said = (
        what === "accept"
          ? await data(POST("/api/v1/plans/{plan_id}/accept", { ...params, body: { seen: plan.seen ?? "", cards: [...cards] } as never }))
          : await data(POST("/api/v1/plans/{plan_id}/dismiss", { ...params, body: {} as never }))
      ) as { position: number };
      tell(what === "accept" ? `${cards.length} cards are on the board.` : "The plan is dismissed.");
      wrote(said.position);
    } catch (error) {
      refused(error, what === "accept" ? "The cards were not made" : "Not dismissed");
    } finally {
      setBusy(false);
    }
  }
  if (plan.state === "proposing")
    return (
      <Panel heading="Cards">
        <p role="status" class="muted">
          The proposal is not there yet.
        </p>
      </Panel>
    );
  return (
    <Panel heading="Cards">
      {plan.problem && (
        <p role="alert" class="text-bad text-sm">
          {plan.problem}
        </p>
      )}
      {plan.cards.length > 0 && (
        <p class="text-sm">
          Together: {plan.cost_microusd == null ? "no data on the cost" : `about ${dollars(plan.cost_microusd)}`}
          {plan.duration_ms == null ? ", no data on the time" : `, about ${duration(plan.duration_ms)} of agents' work`}.
        </p>
      )}
      <ol class="m-0 p-0 list-none flex flex-col gap-2" aria-label="Proposed cards">
        {cards.map((card) => (
          <li key={card.key} class="border border-line rounded-lg bg-raised p-3 flex flex-col gap-2">
            <CardOf card={card} estimate={plan.cards.find((one) => one.key === card.key)?.estimate} titles={cards} open={open && may("accept_plan")} change={change} leaveOut={leaveOut} />
          </li>
        ))}
      </ol>
      {plan.risks.length > 0 && (
        <ul class="m-0 ps-5 text-sm" aria-label="Risks">
          {plan.risks.map((one) => (
            <li key={one}>{one}</li>
          ))}
        </ul>
      )}
      {open && (
        <div class="flex gap-2">
          {may("accept_plan") && (
            <button class="btn-main" disabled={busy || !cards.length} onClick={() => void send("accept")}>
              Make {cards.length} {cards.length === 1 ? "card" : "cards"}
            </button>
          )}
          {may("dismiss_plan") && (
            <button class="btn" disabled={busy} onClick={() => void send("dismiss")}>
              Dismiss
            </button>
          )}
        </div>
      )}
      {plan.state === "accepted" && (
        <p role="status">
          Its {plan.task_ids.length} cards are on the <a href={link(`/p/${plan.project_id}`)}>board</a>.
        </p>
      )}
      {plan.state === "dismissed" && <p role="status">The plan was dismissed.</p>}
    </Panel>
  );
}

interface CardProps {
  card: Edited;
  estimate: ProposedCard["estimate"] | undefined;
  titles: readonly Edited[];
  open: boolean;
  change: (key: string, what: Partial<Edited>) => void;
  leaveOut: (card: Edited) => void;
}

function CardOf({ card, estimate, titles, open, change, leaveOut }: CardProps) {
  const waits = card.waits_for.map((key) => titles.find((one) => one.key === key)?.title ?? key);
  return (
    <>
      {open ? (
        <input class="field" aria-label={`Title of card ${card.key}`} value={card.title} maxLength={500} onInput={(event) => change(card.key, { title: event.currentTarget.value })} />
      ) : (
        <strong dir="auto">{card.title}</strong>
      )}
      {card.description && (
        <details>
          <summary class="cursor-pointer text-sm">Description</summary>
          {open ? (
            <textarea class="area" aria-label={`Description of card ${card.key}`} value={card.description} onInput={(event) => change(card.key, { description: event.currentTarget.value })} />
          ) : (
            <p class="text-sm whitespace-pre-wrap break-words" dir="auto">
              {card.description}
            </p>
          )}
        </details>
      )}
      <p class="flex flex-wrap gap-1 items-center text-sm">
        <span class="tag">{card.role ?? "anybody"}</span>
        <span class="tag">{card.type}</span>
        <span class="tag">priority {card.priority}</span>
        <span class="text-soft">{estimate ? said(estimate) : ""}</span>
        <span class="grow" />
        {open && (
          <button class="btn-quiet !h-7" aria-label={`Leave out card ${card.key}`} onClick={() => leaveOut(card)}>
            Leave out
          </button>
        )}
      </p>
      {waits.length > 0 && <p class="muted">After: {waits.join("; ")}</p>}
      {card.risk && <p class="text-sm text-warn">Risk: {card.risk}</p>}
    </>
  );
}

function said({ cost_microusd: cost, duration_ms: took, simulated }: ProposedCard["estimate"]): string {
  if (!cost || !took) return "no data on cost and time";
  const money = `${dollars(cost.median)} (${dollars(cost.low)} to ${dollars(cost.high)})${simulated ? ", simulated" : ""}`;
  return `${money}; ${duration(took.median)}, of ${cost.cards} past cards`;
}
