"""How the demo looks while it runs. Pure: a progress in, something to draw out."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from events.ids import TaskState, WaitReason
from vapora.cli.demo.progress import DemoProgress, reviewer, waits_for
from vapora.cli.output import clip, dollars
from vapora.views import BoardCard

_COLUMNS = (
    (TaskState.TODO, "todo", "white"),
    (TaskState.IN_PROGRESS, "in progress", "cyan"),
    (TaskState.REVIEW, "review", "magenta"),
    (TaskState.DONE, "done", "green"),
    (TaskState.FAILED, "failed", "red"),
)
# Of a title beside what is being done about it.
_TITLE = 36
# Shown also while empty: a board has at least these.
_ALWAYS = (TaskState.TODO, TaskState.IN_PROGRESS, TaskState.DONE)


def draw(
    progress: DemoProgress, name: str, elapsed_s: float, rehearsal: bool, width: int = 80, cards: int = 5
) -> RenderableType:
    """The whole picture, within `width` columns; `cards`: how many of each column."""
    body: list[RenderableType] = [_columns(progress, width, cards), "", _agents(progress, width)]
    # A card that waits for another one of these waits for nothing that anybody has to do.
    waiting = [
        card for card in progress.tasks.values() if card.waiting and card.waiting.reason is not WaitReason.DEPENDENCY
    ]
    body += [
        Text(f"! {clip(card.title, 30)} {clip(waits_for(card), width - 40)}", style="yellow") for card in waiting[:2]
    ]
    body += [_bar(progress, width), _merged(progress, width)] if progress.lands else [_bar(progress, width)]
    title = Text.assemble((f" VAPORA · {clip(name, 30)} · {_clock(elapsed_s)} ", "bold"))
    return Panel(Group(*body), title=title, title_align="left", subtitle=_mark(rehearsal), width=width)


def line(card: BoardCard, elapsed_s: float) -> str:
    """A change of a card, where there is no terminal to draw on; empty for a card that has only been handed in."""
    agent = reviewer(card) or card.assigned_agent
    state, more = card.state.value, f"  {agent}" if agent else ""
    if card.state is TaskState.TODO:
        if not card.runs:
            return ""
        state, more = "sent back", "  a conflict" if card.landing_problem else "  changes were asked for"
    elif card.landed is not None:
        state, more = "merged", f"  {card.landed.oid[:7]}"
    elif card.state is TaskState.REVIEW and card.checks is not None:
        more += f"  checks {card.checks.value}"
    return f"{_clock(elapsed_s)}  {state:<11}  {clip(card.title, 50)}{more}"


def _columns(progress: DemoProgress, width: int, cards: int) -> Table:
    count = progress.count()
    shown = [one for one in _COLUMNS if count[one[0]] or one[0] in _ALWAYS]
    room = (width - 4) // len(shown) - 1
    grid = Table(box=None, expand=True, padding=(0, 1, 0, 0), pad_edge=False)
    newest = {state: _newest(progress, state, cards) for state, _, _ in shown}
    for state, title, colour in shown:
        grid.add_column(Text(f"{title} {count[state]}", style=f"bold {colour}"), width=room, no_wrap=True)
    for row in range(cards):
        grid.add_row(
            *(Text(clip(newest[state][row], room)) if row < len(newest[state]) else "" for state, _, _ in shown)
        )
    return grid


def _newest(progress: DemoProgress, state: TaskState, cards: int) -> list[str]:
    here = [card for card in progress.tasks.values() if card.state is state]
    # What is to be done next stands on top of todo; elsewhere what came last.
    here.sort(key=(lambda card: card.rank) if state is TaskState.TODO else (lambda card: -card.position))
    titles = [card.title for card in here]
    if len(titles) > cards:
        titles[cards - 1 :] = [f"+ {len(titles) - cards + 1} more"]
    return titles


def _agents(progress: DemoProgress, width: int) -> RenderableType:
    work: dict[str, list[BoardCard]] = {}
    for card in progress.tasks.values():
        agent = reviewer(card) or (card.assigned_agent if card.state is TaskState.IN_PROGRESS else None)
        if agent:
            work.setdefault(agent, []).append(card)
    grid = Table.grid(padding=(0, 1))
    for agent_id, cards in sorted(work.items()):
        doing = sorted(cards, key=lambda card: card.position)
        known = progress.agents.get(agent_id)
        busy = f"{len(doing)}/{known.capacity}" if known else str(len(doing))
        what = clip(_doing(doing[-1]), width - 32)
        grid.add_row(Text(clip(agent_id, 20), style="cyan"), Text(busy, style="cyan"), Text(what))
    idle = sorted(set(progress.agents) - set(work))
    return Group(grid, Text(clip(f"idle: {', '.join(idle)}", width - 4), style="dim")) if idle else grid


def _doing(card: BoardCard) -> str:
    run = card.runs[-1] if card.runs else None
    if run is None:
        return f"begins {card.title}"
    title = f"{'review: ' if run.purpose == 'review' else ''}{clip(card.title, _TITLE)}"
    if card.doing:
        return f"{title}: {card.doing}"
    where = f" on {run.providers[-1]}" if run.providers else ""
    return f"{title}: call {run.calls + 1}{where}"


def _bar(progress: DemoProgress, width: int) -> Text:
    done, total = progress.count()[TaskState.DONE], max(1, len(progress.task_ids))
    room = max(10, width - 50)
    full = done * room // total
    money = " + ".join(dollars(amount, simulated) for simulated, amount in progress.spent().items() if amount)
    return Text.assemble(
        ("━" * full, "green"), ("─" * (room - full), "dim"), f"  {done}/{total} done  spent {money or dollars(0)}"
    )


def _merged(progress: DemoProgress, width: int) -> Text:
    """What has come into the repository, the newest named."""
    merged = progress.merged()
    if not merged:
        return Text("nothing merged yet", style="dim")
    newest = merged[-1]
    oid = newest.landed.oid[:7] if newest.landed else ""
    return Text.assemble((f"{len(merged)} merged", "green"), clip(f", newest: {oid} {newest.title}", width - 20))


def _mark(rehearsal: bool) -> Text | None:
    return Text(" REHEARSAL: no real model, simulated money ", style="bold reverse") if rehearsal else None


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"
