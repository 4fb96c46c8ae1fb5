"""What a demo asks the server at its end, for the summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.ids import TaskState
from vapora.cli.demo.report import RUN_TOPICS, Summary, summarise
from vapora.cli.demo.work_report import WORK_TOPICS, tell
from vapora.views import BoardCard, Project, Why

if TYPE_CHECKING:
    from vapora.sdk import Client

_CHOICES = "routing.provider-selected"


def gather(client: Client, project: Project, name: str, wall_s: float) -> Summary:
    """Only what comes after the making of the project is looked at."""
    start = project.position
    cards = tuple(reversed(list(client.tasks(project.id))))
    # The money of the last answer may be a moment behind the card that it moved.
    after = max((card.position for card in cards), default=None)
    runs = [event for topic in RUN_TOPICS for event in client.events(start, topic=topic)]
    done = [event for topic in WORK_TOPICS for event in client.events(start, topic=topic)]
    return summarise(
        model=client.health().model or "rehearsal",
        project=name,
        cards=cards,
        whys=_examples(client, cards),
        costs=client.costs(("provider", "task"), after=after),
        budgets=client.budgets(after=after),
        run_events=runs,
        policies=client.events(start, topic=_CHOICES),
        work=tell(project, cards, done),
        wall_s=wall_s,
    )


def _examples(client: Client, cards: tuple[BoardCard, ...]) -> dict[str, tuple[BoardCard, Why]]:
    """For each agent one task of its own, done if there is one, with the decisions about it.

    The one that it got last: by then something was known about who is good at what.
    """
    chosen: dict[str, BoardCard] = {}
    for card in sorted(cards, key=_last_started, reverse=True):
        if card.assigned_agent:
            chosen.setdefault(card.assigned_agent, card)
    return {agent_id: (card, client.why(card.id)) for agent_id, card in chosen.items()}


def _last_started(card: BoardCard) -> tuple[bool, float]:
    return card.state is TaskState.DONE, max((run.started_at.timestamp() for run in card.runs), default=0.0)
