"""What the demo says at its end. Pure: what the server told goes in, the summary and its picture come out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict
from rich.console import Group, RenderableType
from rich.text import Text

from events.ids import TaskState, Tier
from vapora.cli.demo import work_report
from vapora.cli.demo.progress import is_over, waits_for
from vapora.cli.demo.work_report import Work
from vapora.cli.output import cell, clip, dollars, limit, table
from vapora.views import BoardCard, BudgetView, Cost, EventView, Why

_ENDS = frozenset({"run.succeeded", "run.failed", "run.cancelled"})
RUN_TOPICS = ("run.started", *sorted(_ENDS))


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class AgentWork(_Part):
    """What one agent did. `example`: why it was chosen for `example_task`."""

    agent: str
    role: str
    done: int
    runs: int
    cost_microusd: int
    simulated: bool
    example_task: str = ""
    example: str = ""


class Share(_Part):
    provider: str
    calls: int
    tokens_in: int
    tokens_out: int
    cost_microusd: int
    share: float
    simulated: bool


class Open(_Part):
    task_id: str
    title: str
    state: TaskState
    waits_for: str


class Summary(_Part):
    """`most_at_once`: how many runs overlapped at most. `routed`: model calls by the policy that chose the model."""

    ok: bool
    model: str
    project: str
    handed_in: int
    states: dict[str, int]
    wall_s: float
    most_at_once: int
    cost_microusd: dict[str, int]
    workers: tuple[AgentWork, ...]
    providers: tuple[Share, ...]
    routed: dict[str, int]
    budgets: tuple[BudgetView, ...]
    unfinished: tuple[Open, ...]
    work: Work | None = None


def summarise(
    *, model: str, project: str, cards: Sequence[BoardCard], whys: dict[str, tuple[BoardCard, Why]],
    costs: Iterable[Cost], budgets: Sequence[BudgetView], run_events: Iterable[EventView],
    policies: Iterable[EventView], wall_s: float, work: Work | None = None,
) -> Summary:  # fmt: skip
    """`whys`: an example for each agent. `costs`: grouped by provider and task. Of all these only what belongs to
    `cards` counts: the data folder may hold an earlier demo."""
    ids = {card.id for card in cards}
    states = Counter(card.state.value for card in cards)
    lands = work is not None and work.lands
    open_cards = [card for card in cards if not is_over(card, lands)]
    money = {"real": 0, "simulated": 0}
    for card in cards:
        money["simulated" if card.simulated else "real"] += card.cost_microusd
    return Summary(
        ok=bool(cards) and not open_cards,
        model=model,
        project=project,
        handed_in=len(cards),
        states=dict(states),
        wall_s=round(wall_s, 1),
        most_at_once=most_at_once(one for one in run_events if one.event.get("task_id") in ids),
        cost_microusd=money,
        workers=_workers(cards, whys),
        providers=_shares(one for one in costs if one.key.get("task") in ids),
        routed=dict(Counter(str(one.event.get("policy")) for one in policies if one.event.get("task_id") in ids)),
        budgets=tuple(budgets),
        unfinished=tuple(
            Open(task_id=card.id, title=card.title, state=card.state, waits_for=waits_for(card)) for card in open_cards
        ),
        work=work,
    )


def most_at_once(run_events: Iterable[EventView]) -> int:
    """The greatest number of runs that had begun and not ended, in the order of the log."""
    running: set[object] = set()
    most = 0
    for one in sorted(run_events, key=lambda one: one.position):
        if one.topic == "run.started":
            running.add(one.event.get("run_id"))
            most = max(most, len(running))
        elif one.topic in _ENDS:
            running.discard(one.event.get("run_id"))
    return most


def _workers(cards: Iterable[BoardCard], whys: dict[str, tuple[BoardCard, Why]]) -> tuple[AgentWork, ...]:
    found: dict[str, AgentWork] = {}
    for card in cards:
        for run in card.runs:
            before = found.get(run.agent_id) or AgentWork(
                agent=run.agent_id, role=run.role, done=0, runs=0, cost_microusd=0, simulated=card.simulated
            )
            done = run.state == "succeeded" and card.state is TaskState.DONE
            added = {
                "done": before.done + done,
                "runs": before.runs + 1,
                "cost_microusd": before.cost_microusd + run.cost_microusd,
            }
            found[run.agent_id] = before.model_copy(update=added)
    for agent_id, (card, why) in whys.items():
        reason = next((one.reason for one in why.decisions if one.kind == "agent" and one.chosen == agent_id), "")
        if agent_id in found:
            found[agent_id] = found[agent_id].model_copy(update={"example_task": card.title, "example": reason})
    return tuple(sorted(found.values(), key=lambda one: (-one.done, one.agent)))


def _shares(costs: Iterable[Cost]) -> tuple[Share, ...]:
    sums: dict[tuple[str, bool], list[int]] = {}
    for one in costs:
        total = sums.setdefault((one.key.get("provider", "–"), one.simulated), [0, 0, 0, 0])
        for index, amount in enumerate((one.calls, one.tokens_in, one.tokens_out, one.cost_microusd)):
            total[index] += amount
    calls = sum(total[0] for total in sums.values()) or 1
    return tuple(
        Share(
            provider=provider, calls=total[0], tokens_in=total[1], tokens_out=total[2], cost_microusd=total[3],
            share=round(total[0] / calls, 4), simulated=simulated,
        )
        for (provider, simulated), total in sorted(sums.items(), key=lambda item: -item[1][0])
    )  # fmt: skip


def draw(summary: Summary, data: str) -> RenderableType:
    """The summary in 80 columns, with what to try next."""
    parts: list[RenderableType] = [_headline(summary)]
    if summary.work is not None:
        parts += ["", work_report.heading(summary.work), work_report.draw(summary.work)]
    parts += ["", _who(summary), "", _providers(summary)]
    if summary.routed:
        said = ", ".join(f"{count} by {policy}" for policy, count in sorted(summary.routed.items()))
        parts.append(f"Models were chosen {said}.")
    if summary.budgets:
        parts += ["", _budgets(summary.budgets)]
    if summary.unfinished:
        parts += ["", _unfinished(summary)]
    return Group(*parts, "", _next(data, summary.work))


def _headline(summary: Summary) -> RenderableType:
    states = ", ".join(f"{count} {state}" for state, count in summary.states.items())
    money = " + ".join(
        dollars(amount, kind == "simulated") for kind, amount in summary.cost_microusd.items() if amount
    ) or dollars(0)
    done = "Everything is done" if summary.ok else "Not everything is done"
    lines = [
        Text(
            f"{done}: {summary.handed_in} tasks handed in, {states}.", style="bold green" if summary.ok else "bold red"
        ),
        Text(f"It took {summary.wall_s:.1f} s; up to {summary.most_at_once} runs at once; it cost {money}."),
    ]
    if summary.model == "rehearsal":
        lines.insert(0, Text(" REHEARSAL: no real model was asked, all money is simulated ", style="bold reverse"))
    return Group(*lines)


def _who(summary: Summary) -> RenderableType:
    shown = table("Who did what, and why", "agent", "done", "cost", "example: why this agent", right=("done", "cost"))
    for one in summary.workers:
        example = clip(f"{clip(one.example_task, 30)}: {one.example}".rstrip(": "), 100)
        runs = f"{one.done}" if one.done == one.runs else f"{one.done} of {one.runs} runs"
        shown.add_row(cell(one.agent), runs, dollars(one.cost_microusd), cell(example))
    return shown


def _providers(summary: Summary) -> RenderableType:
    numbers = ("calls", "share", "tokens in", "tokens out", "cost")
    shown = table("Which providers answered", "provider", *numbers, right=numbers)
    for one in summary.providers:
        name = f"{one.provider} *" if one.simulated else one.provider
        tokens = f"{one.tokens_in:,}", f"{one.tokens_out:,}"
        shown.add_row(cell(name), str(one.calls), f"{one.share:.0%}", *tokens, dollars(one.cost_microusd))
    return Group(shown, *(["* simulated"] if any(one.simulated for one in summary.providers) else []))


def _budgets(budgets: tuple[BudgetView, ...]) -> RenderableType:
    """Those that were touched, the fullest first."""
    columns = ("budget", "tier", "spent", "of", "used")
    shown = table("Budgets this month", *columns, right=columns[2:])
    used = [one for one in budgets if one.monthly_spent_microusd or one.tier is not Tier.NORMAL]
    for one in sorted(used, key=lambda one: -one.utilisation):
        amounts = dollars(one.monthly_spent_microusd), limit(one.monthly_limit_cents), f"{one.utilisation:.0%}"
        shown.add_row(cell(f"{one.scope.value} {one.id}") + (" *" if one.simulated else ""), one.tier.value, *amounts)
    return shown


def _unfinished(summary: Summary) -> RenderableType:
    shown = table("Not done", "task", "title", "why", fixed=("task",))
    for one in summary.unfinished:
        shown.add_row(cell(one.task_id), cell(clip(one.title, 30)), cell(one.waits_for))
    return shown


def _next(data: str, work: Work | None) -> RenderableType:
    card = work.merged[0].task_id if work and work.merged else ""
    tips = [
        *(work_report.look(work) if work else []),
        (f"vapora up --data {data}", "the same board, to go on with by hand"),
        (f"vapora task why {card}" if card else "vapora board", "while it is up: every decision about a card"),
        (f"vapora audit budget --data {data}", "the proof that no call crossed a limit"),
    ]
    lines: list[RenderableType] = ["What to try next:"]
    for command, what in tips:
        # In one line, however long: it is there to be copied.
        lines += [Text(f"  {command}", no_wrap=True, overflow="ignore"), Text(f"      {what}")]
    return Group(*lines)
