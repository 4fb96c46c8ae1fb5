"""What the demo says of the work in the repository. Pure: cards and events go in, facts and their picture come out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict, JsonValue
from rich.console import Group, RenderableType
from rich.text import Text

from events.ids import ChecksVerdict, MergePolicy, TaskState
from vapora.cli.demo.progress import is_over
from vapora.cli.output import cell, table
from vapora.views import BoardCard, EventView, Project

WORK_TOPICS = ("run.tool-used", "run.checks-ran", "task.review-submitted", "task.rejected", "task.landed")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Merge(_Part):
    """A card's work in the repository: who made it, who approved it, what stood in the way."""

    oid: str
    task_id: str
    title: str
    author: str
    reviewer: str = ""
    story: str = ""


class Work(_Part):
    """`tools`: how often each was used. `sandboxes`: what commands ran in. `mended`: runs that a red check sent back,
    and that ended green. `branches`: work that waits on its branch."""

    repository: str
    lands: bool
    tools: dict[str, int]
    sandboxes: tuple[str, ...]
    checks: dict[str, int]
    mended: int
    approved: int
    changes_requested: int
    conflicts: int
    merged: tuple[Merge, ...]
    branches: dict[str, str]
    over: bool


def tell(project: Project, cards: Sequence[BoardCard], events: Iterable[EventView]) -> Work | None:
    """None for a project without a repository."""
    if project.repo is None:
        return None
    ids = {card.id for card in cards}
    mine = [one for one in events if one.event.get("task_id") in ids]
    said = {topic: [one.event for one in mine if one.topic == topic] for topic in WORK_TOPICS}
    tools, checks = said["run.tool-used"], said["run.checks-ran"]
    verdicts = Counter(_verdict(one) for one in said["task.review-submitted"])
    lands = project.merge_policy is MergePolicy.WHEN_APPROVED
    landed = [card for card in cards if card.landed is not None]
    landed.sort(key=lambda card: card.landed.at if card.landed else card.updated_at)
    return Work(
        repository=project.repo,
        lands=lands,
        tools=dict(Counter(str(one["name"]) for one in tools).most_common()),
        sandboxes=tuple(sorted({str(one["sandbox"]) for one in tools if one.get("sandbox")})),
        checks=dict(Counter(str(one["verdict"]) for one in checks)),
        mended=len(_mended(checks)),
        approved=verdicts["approve"],
        changes_requested=verdicts["request-changes"],
        conflicts=sum(one.get("cause") == "conflict" for one in said["task.rejected"]),
        merged=tuple(_merge(card, mine) for card in landed),
        branches={card.branch: card.title for card in cards if _waits(card) and card.branch},
        over=all(is_over(card, lands) for card in cards),
    )


def _verdict(submitted: dict[str, JsonValue]) -> str:
    review = submitted["review"]
    return str(review["verdict"]) if isinstance(review, dict) else ""


def _waits(card: BoardCard) -> bool:
    return card.landed is None and card.head != card.base and card.state is not TaskState.ARCHIVED


def _mended(checks: Iterable[dict[str, JsonValue]]) -> set[object]:
    red = set[object]()
    green = set[object]()
    for one in checks:
        (red if one["verdict"] == ChecksVerdict.RED.value else green).add(one["run_id"])
    return red & green


def _merge(card: BoardCard, events: Sequence[EventView]) -> Merge:
    mine = [one for one in events if one.event.get("task_id") == card.id]
    runs = [run for run in card.runs if run.state == "succeeded"]
    authors = [run.agent_id for run in runs if run.purpose == "work"]
    reviewers = [run.agent_id for run in runs if run.purpose == "review"]
    rejected = [one.event for one in mine if one.topic == "task.rejected"]
    story = []
    if _mended([one.event for one in mine if one.topic == "run.checks-ran"]):
        story.append("mended after a red check")
    if any(one.get("cause") == "review" for one in rejected):
        story.append("changed after its review")
    if any(one.get("cause") == "conflict" for one in rejected):
        story.append("conflict resolved")
    assert card.landed is not None
    return Merge(
        oid=card.landed.oid,
        task_id=card.id,
        title=card.title,
        author=authors[-1] if authors else "",
        reviewer=reviewers[-1] if reviewers else "",
        story=", ".join(story),
    )


def draw(work: Work) -> RenderableType:
    """In 80 columns."""
    calls = sum(work.tools.values())
    commands = work.tools.get("run_command", 0)
    where = f", in the sandbox {', '.join(work.sandboxes)}" if work.sandboxes else ""
    checks = ", ".join(f"{count} {verdict}" for verdict, count in sorted(work.checks.items()))
    lines: list[RenderableType] = [
        f"Agents used tools {calls} times, {commands} of them commands{where}.",
        f"Checks: {checks or 'none'}; reviews: {work.approved} approved, {work.changes_requested} asked for changes; "
        f"conflicts resolved: {work.conflicts}.",
    ]
    if work.merged:
        shown = table("What came into the repository", "commit", "card", "by, approved by", fixed=("commit",))
        for one in work.merged:
            who = f"{one.author}, {one.reviewer}" if one.reviewer else one.author
            shown.add_row(one.oid[:7], cell(f"{one.title}{f' ({one.story})' if one.story else ''}"), cell(who))
        lines += ["", shown]
    if work.branches:
        lines += [
            "",
            f"{len(work.branches)} cards left work on branches of their own, in VAPORA's copy: nothing was merged.",
        ]
    if not work.merged and not work.branches:
        lines.append("Nothing was changed in the repository.")
    return Group(*lines)


def look(work: Work) -> list[tuple[str, str]]:
    """Commands with which a person sees it, and what each shows."""
    if work.merged:
        return [
            (f"git -C {work.repository} log --oneline --graph", "what was merged"),
            (f"git -C {work.repository} show {work.merged[-1].oid[:7]}", "the newest of it"),
        ]
    return []


def heading(work: Work) -> Text:
    return Text(f"The repository: {work.repository}", no_wrap=True, overflow="ignore")
