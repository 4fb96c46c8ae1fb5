"""`vapora task`: cards one by one."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from events.ids import BoardType, Review, TaskState
from vapora.cli.attachments import attach_all
from vapora.cli.names import ProjectName, TaskId, project_id
from vapora.cli.names import task_id as whole_task_id
from vapora.cli.output import FAILED, USAGE, Json, cell, clip, dollars, emit, local, stop, table
from vapora.cli.remote import connect
from vapora.commands import Command, EditTask, SubmitTask
from vapora.views import BoardCard, Decision, TaskCard, WaitingCall

app = typer.Typer(help="Hand in tasks, look at them, move them, ask why.", no_args_is_help=True)


@app.command()
def add(
    title: Annotated[str, typer.Argument(help="3 to 500 characters.")],
    project: ProjectName = None,
    description: Annotated[str | None, typer.Option()] = None,
    type: Annotated[BoardType | None, typer.Option(help="What kind of work it is.")] = None,
    task_type: Annotated[str | None, typer.Option(help="Routing type; absent, it is inferred.")] = None,
    role: Annotated[str | None, typer.Option(help="Only agents of this role may take it.")] = None,
    agent: Annotated[str | None, typer.Option(help="Only this agent may take it.")] = None,
    priority: Annotated[int | None, typer.Option(min=0, max=100)] = None,
    review: Annotated[Review | None, typer.Option(help="Who must approve the work.")] = None,
    deadline: Annotated[str | None, typer.Option(help="An instant, as 2027-01-31T12:00:00Z.")] = None,
    context: Annotated[str | None, typer.Option(help="A JSON object.")] = None,
    blocked_by: Annotated[list[str] | None, typer.Option(help="A task that must be done first; repeatable.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="A word of your own, to find it by; repeatable.")] = None,
    attach: Annotated[
        list[Path] | None, typer.Option(help="A file to put on the card; repeatable. Agents wait until all are there.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the new task's id, for scripts.")] = False,
    as_json: Json = False,
) -> None:
    """Hand in a task. Without --project, into the only one that there is."""
    said: dict[str, Any] = {
        "title": title, "description": description, "type": type, "task_type": task_type, "role": role,
        "agent": agent, "priority": priority, "review": review, "deadline": deadline, "context": context,
        "labels": label or None,
    }  # fmt: skip
    with connect() as client:
        into = project_id(client, project) if project else _only([(one.id, one.name) for one in client.projects()])
        said["blocked_by"] = [whole_task_id(client, one) for one in blocked_by or ()] or None
        given = {name: value for name, value in said.items() if value is not None}
        # An agent would begin without the files: until they are there, the card is a person's.
        held = {"assignee": "whoever attaches its files"} if attach else {}
        task = _checked(SubmitTask, {"project_id": into} | given | held)
        accepted = client.submit_task(task)
        if attach:
            attach_all(client, accepted.task_id, attach)
            client.edit_task(accepted.task_id, EditTask(assignee=None))
    told = accepted.task_id if quiet else f"Handed in as {accepted.task_id} at position {accepted.position}."
    emit(as_json, accepted, lambda: told)


@app.command()
def show(task_id: TaskId, as_json: Json = False) -> None:
    """One card with its runs."""
    with connect() as client:
        card = client.task(whole_task_id(client, task_id))
    emit(as_json, card, lambda: draw(card))


@app.command("list")
def list_tasks(
    project: ProjectName = None,
    state: Annotated[TaskState | None, typer.Option()] = None,
    role: Annotated[str | None, typer.Option()] = None,
    label: Annotated[str | None, typer.Option(help="That bear this label.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 100,
    as_json: Json = False,
) -> None:
    """Tasks, the newest first."""
    with connect() as client:
        of = project_id(client, project) if project else None
        cards = list(client.tasks(of, state, role, limit=limit, label=label))
    emit(as_json, {"items": cards, "next": None}, lambda: _cards(cards))


@app.command()
def edit(
    task_id: TaskId,
    title: Annotated[str | None, typer.Option(help="3 to 500 characters.")] = None,
    description: Annotated[str | None, typer.Option()] = None,
    type: Annotated[BoardType | None, typer.Option(help="What kind of work it is.")] = None,
    priority: Annotated[int | None, typer.Option(min=0, max=100)] = None,
    review: Annotated[Review | None, typer.Option(help="Who must approve the work.")] = None,
    deadline: Annotated[str | None, typer.Option(help="An instant, as 2027-01-31T12:00:00Z.")] = None,
    no_deadline: Annotated[bool, typer.Option("--no-deadline", help="Take the deadline away.")] = False,
    blocked_by: Annotated[
        list[str] | None, typer.Option(help="A task that must be done first; repeatable, all of them.")
    ] = None,
    not_blocked: Annotated[bool, typer.Option("--not-blocked", help="It waits for no other task.")] = False,
    label: Annotated[list[str] | None, typer.Option(help="A label; repeatable, all of them.")] = None,
    no_label: Annotated[bool, typer.Option("--no-label", help="Take all labels away.")] = False,
    as_json: Json = False,
) -> None:
    """Change a task; what is not named stays as it is."""
    said: dict[str, Any] = {
        "title": title, "description": description, "type": type, "priority": priority, "review": review,
        "deadline": deadline, "blocked_by": blocked_by, "labels": label or None,
    }  # fmt: skip
    if (deadline is not None and no_deadline) or (blocked_by and not_blocked) or (label and no_label):
        stop(USAGE, "A thing cannot be set and taken away at once.")
    change = {name: value for name, value in said.items() if value is not None}
    change |= ({"deadline": None} if no_deadline else {}) | ({"blocked_by": ()} if not_blocked else {})
    change |= {"labels": ()} if no_label else {}
    if not change:
        stop(USAGE, "Nothing to change was named.", "See vapora task edit --help.")
    with connect() as client:
        task_id = whole_task_id(client, task_id)
        if blocked_by:
            change["blocked_by"] = [whole_task_id(client, one) for one in blocked_by]
        position = client.edit_task(task_id, _checked(EditTask, change))
    emit(as_json, {"task_id": task_id, "position": position}, lambda: f"Changed {cell(task_id)} (position {position}).")


@app.command()
def move(
    task_id: TaskId,
    state: Annotated[TaskState, typer.Argument(help="Where to.")],
    before: Annotated[str | None, typer.Option(help="The card to stand in front of.")] = None,
    comment: Annotated[str, typer.Option(help="Why; the next run reads it.")] = "",
    as_json: Json = False,
) -> None:
    """Approve (done), reject or try again (todo), or archive."""
    with connect() as client:
        task_id = whole_task_id(client, task_id)
        before = before and whole_task_id(client, before)
        position = client.move(task_id, state, before, comment)
    answer = {"task_id": task_id, "state": state, "position": position}
    emit(as_json, answer, lambda: f"{cell(task_id)} is in {state.value} now (position {position}).")


@app.command()
def why(task_id: TaskId, as_json: Json = False) -> None:
    """Every decision about a task: who does it, on which model, and what the budget said."""
    with connect() as client:
        told = client.why(whole_task_id(client, task_id))
    emit(as_json, told, lambda: _decisions(told.decisions))


@app.command()
def wait(
    task_id: TaskId,
    timeout: Annotated[float | None, typer.Option(min=0, help="Seconds; absent: as long as it takes.")] = None,
    as_json: Json = False,
) -> None:
    """Until a task is done or waits for your review; exit code 1 where it failed, was archived, or time is over."""
    with connect() as client:
        card = client.wait(whole_task_id(client, task_id), timeout)
    emit(as_json, card, lambda: f"{card.id} is {card.state.value}: {cell(clip(card.title, 60))}")
    if card.state in (TaskState.FAILED, TaskState.ARCHIVED):
        raise typer.Exit(FAILED)


@app.command()
def output(
    task_id: TaskId,
    run: Annotated[
        str | None, typer.Option(help="Of this run: its id or number; absent: the last that left one.")
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Byte for byte, into a pipe or a file.")] = False,
    as_json: Json = False,
) -> None:
    """What an agent made of a task: the text of its work product."""
    if raw and (as_json or sys.stdout.isatty()):
        stop(USAGE, "--raw writes whatever a model wrote, byte for byte.", "Use it alone, into a pipe or a file.")
    with connect() as client:
        task_id = whole_task_id(client, task_id)
        work = client.output(task_id, f"{task_id}.{run}" if run and run.isdigit() else run)
    text = work.text or ""
    if raw:
        sys.stdout.buffer.write(text.encode())
        return
    emit(as_json, {"task_id": task_id, **work.model_dump()}, lambda: Text(text))


Wanted = TypeVar("Wanted", bound=Command)


def _checked(kind: type[Wanted], said: dict[str, Any]) -> Wanted:
    try:
        return kind.model_validate(said)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors(include_url=False)
        )
        stop(USAGE, f"This cannot be handed in: {wrong}.")


def _only(projects: list[tuple[str, str]]) -> str:
    if not projects:
        stop(USAGE, "There is no project yet.", "Make one with `vapora project add NAME`.")
    if len(projects) > 1:
        named = ", ".join(f"{one} ({name})" for one, name in projects)
        stop(USAGE, "There are several projects.", f"Say which with --project: {named}.")
    return projects[0][0]


def _cards(cards: list[BoardCard]) -> RenderableType:
    if not cards:
        return "No tasks."
    shown = table("", "id", "state", "agent", "cost", "title", right=("cost",), fixed=("id", "state"))
    for card in cards:
        state = f"{card.state.value}, waits" if card.waiting else card.state.value
        cost = dollars(card.cost_microusd) + ("*" if card.simulated else "")
        shown.add_row(cell(card.id), state, cell(card.assigned_agent or "–"), cost, cell(clip(card.title, 60)))
    return Group(shown, *(["* simulated"] if any(card.simulated for card in cards) else []))


def draw(card: TaskCard) -> RenderableType:
    facts = [
        ("state", card.state.value + (f": {card.doing}" if card.doing else "")),
        ("waits for", f"{card.waiting.reason.value}: {card.waiting.remedy}" if card.waiting else None),
        ("call", _asked_call(card.waiting.call) if card.waiting and card.waiting.call else None),
        ("task type", f"{card.task_type}" + (f" ({card.task_type_reason})" if card.task_type_reason else "")),
        ("role", card.role),
        ("agent", card.assigned_agent),
        ("priority", card.priority),
        ("review", card.review.value),
        ("deadline", local(card.deadline) if card.deadline else None),
        ("blocked by", ", ".join(card.blocked_by) or None),
        ("question", card.question.text if card.question else None),
        ("branch", f"{card.branch} at {(card.head or '')[:12]}" if card.branch else None),
        ("checks", card.checks.value if card.checks else None),
        ("landed", f"{card.landed.oid[:12]}, {local(card.landed.at)}" if card.landed else None),
        ("not landed", card.landing_problem.message if card.landing_problem else None),
        ("sandbox", "NONE: its commands are not kept apart" if card.sandbox == "none" else card.sandbox),
        ("attempt", f"{card.attempt} of {card.attempts}" if card.attempts > 1 else None),
        ("comments", f"{card.comments}, {card.unread} new" if card.comments else None),
        ("cost", dollars(card.cost_microusd, card.simulated)),
        ("project", card.project_id),
        ("created", local(card.created_at)),
        ("changed", local(card.updated_at)),
        ("labels", ", ".join(card.labels) or None),
        ("context", json.dumps(card.context) if card.context else None),
        ("comment", card.comment or None),
    ]
    head = table("", "", "", fixed=())
    head.show_header = False
    for name, value in facts:
        if value is not None:
            head.add_row(name, cell(value))
    return Group(Text(f"{card.id}  {clip(card.title, 500)}", style="bold"), head, Text(card.description), _runs(card))


def _asked_call(call: WaitingCall) -> str:
    """All of it: it is what a person's word is for."""
    said = call.arguments or f"with arguments that are large: they are the run's text {call.sha256}"
    return f"{call.tool} {said} [{call.seen}]: `vapora tools decide {call.run_id} allow --seen {call.seen}`, or refuse"


def _runs(card: TaskCard) -> RenderableType:
    if not card.runs:
        return "No runs yet."
    shown = table(
        "Runs", "run", "agent", "state", "calls", "tokens", "cost", right=("calls", "tokens", "cost"), fixed=("run",)
    )
    for run in card.runs:
        tokens = f"{run.tokens_in + run.tokens_out:,}"
        state = f"{run.state}: {run.reason}" if run.reason else run.state
        shown.add_row(
            cell(run.run_id), cell(run.agent_id), cell(state), str(run.calls), tokens, dollars(run.cost_microusd)
        )
    return shown


def _decisions(decisions: tuple[Decision, ...]) -> RenderableType:
    if not decisions:
        return "Nothing was decided about it yet."
    lines: list[RenderableType] = []
    for one in decisions:
        lines.append(Text(f"{one.position}  {one.kind}: {one.chosen}", style="bold"))
        notes = [one.reason, f"policy {one.policy}" if one.policy else "", one.budget]
        if one.propensity is not None:
            notes.append(f"chosen with probability {one.propensity:g}")
        lines += [_indented(note) for note in notes if note]
        lines += [_indented(f"· {_candidate(candidate)}", "dim") for candidate in one.candidates]
    return Group(*lines)


def _candidate(candidate: dict[str, Any]) -> str:
    name, score, excluded = (candidate.get(key) for key in ("id", "score", "excluded"))
    if excluded:
        return f"{name}: not possible, {excluded}"
    parts = candidate.get("parts")
    terms = ", ".join(_term(key, value) for key, value in parts.items()) if isinstance(parts, dict) else ""
    shown = f"{score:.3f}" if isinstance(score, (int, float)) else "–"
    return f"{name}: {shown}" + (f" ({terms})" if terms else "")


def _term(key: str, value: Any) -> str:
    """A part of a score; amounts of money as such."""
    if key.endswith("_microusd"):
        return f"{key.removesuffix('_microusd').replace('_', ' ')} {dollars(int(value))}"
    return f"{key} {value:.3f}" if isinstance(value, float) else f"{key} {value}"


def _indented(text: str, style: str = "") -> RenderableType:
    return Padding(Text(text, style=style), (0, 0, 0, 3))
