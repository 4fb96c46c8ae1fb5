"""`vapora task diff|checks|comment|approve|…`: what stands on a task's branch, and what becomes of it."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from events.ids import TaskState
from vapora.cli.names import TaskId, task_id
from vapora.cli.output import FAILED, USAGE, Json, cell, clip, console, dollars, emit, emit_json, local, stop, table
from vapora.cli.remote import connect
from vapora.cli.run import Follow, show_steps
from vapora.commands import CommentOnLine, CommentTask
from vapora.views import Attempt, Changes, CheckResult, Comment

Strategy = Literal["squash", "merge", "rebase"]
Head = Annotated[str | None, typer.Option(help="The commit that you looked at; absent: the newest of its work.")]
Run = Annotated[str | None, typer.Option(help="Of this run: its id or number.")]


def diff(
    task: TaskId,
    run: Run = None,
    attempt: Annotated[int | None, typer.Option(min=1, help="Of this attempt.")] = None,
    stat: Annotated[bool, typer.Option("--stat", help="The files only.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="The patch byte for byte, into a pipe or a file.")] = False,
    as_json: Json = False,
) -> None:
    """What a task changed: files and patch."""
    if raw and (as_json or sys.stdout.isatty()):
        stop(USAGE, "--raw writes whatever a model wrote, byte for byte.", "Use it alone, into a pipe or a file.")
    with connect() as client:
        task = task_id(client, task)
        found = client.changes(task, _of(task, run), attempt)
    if raw:
        sys.stdout.buffer.write(found.patch.encode())
    elif as_json:
        emit_json(found)
    else:
        console(soft_wrap=True).print(_changes(found, stat))


def checks(task: TaskId, as_json: Json = False) -> None:
    """How the project's checks came out on a task's newest commit; exit code 1 where one is red."""
    with connect() as client:
        found = client.changes(task_id(client, task))
    emit(as_json, {"head": found.head, "items": found.checks}, lambda: _checks(found))
    if any(one.exit_code != 0 for one in found.checks):
        raise typer.Exit(FAILED)


def comment(
    task: TaskId,
    text: Annotated[str | None, typer.Argument(help="What to say; absent: lists what was said.")] = None,
    path: Annotated[str | None, typer.Option(help="The file that it is about.")] = None,
    line: Annotated[int | None, typer.Option(min=1, help="The line there.")] = None,
    old: Annotated[bool, typer.Option("--old", help="The line as it was before.")] = False,
    answer: Annotated[bool, typer.Option("--answer", help="It answers what the agent asks.")] = False,
    as_json: Json = False,
) -> None:
    """Say something on a card, or read what was said."""
    with connect() as client:
        task = task_id(client, task)
        if text is None:
            said = tuple(client.comments(task))
            emit(as_json, {"items": said, "next": None}, lambda: _comments(said))
            return
        if not text.strip():
            stop(USAGE, "A comment needs a text.")
        given: dict[str, object] = {"text": text, "side": "old" if old else "new"}
        given |= {name: value for name, value in (("path", path), ("line", line)) if value is not None}
        if answer:
            question = client.task(task).question
            if question is None:
                stop(FAILED, "No agent waits for an answer on this card.", "Leave out --answer.")
            given["answers"] = question.call_id
        made = client.comment(task, CommentTask.model_validate(given))
    emit(as_json, made, lambda: f"Said (position {made.position}).")


def approve(
    task: TaskId,
    head: Head = None,
    comment: Annotated[str, typer.Option(help="What to say about it.")] = "",
    as_json: Json = False,
) -> None:
    """Approve a task's work: just the commit that you looked at."""
    with connect() as client:
        task = task_id(client, task)
        card = client.task(task)
        if head is None and card.head is None:
            position = client.move(task, TaskState.DONE, comment=comment)
        else:
            position = client.approve(task, head or card.head or "", comment).position
    answer = {"task_id": task, "head": head or card.head, "position": position}
    emit(as_json, answer, lambda: f"Approved {cell(task)} (position {position}).")


def request_changes(
    task: TaskId,
    comment: Annotated[str, typer.Argument(help="What is to be changed.")],
    on: Annotated[list[str] | None, typer.Option(help="PATH:LINE=TEXT, on a line; repeatable.")] = None,
    head: Head = None,
    as_json: Json = False,
) -> None:
    """Send a task's work back to its author."""
    lines = [_on_line(one) for one in on or ()]
    with connect() as client:
        task = task_id(client, task)
        card = client.task(task)
        if head is None and card.head is None:
            position = client.move(task, TaskState.TODO, comment=comment)
        else:
            position = client.request_changes(task, head or card.head or "", comment, lines).position
    emit(as_json, {"task_id": task, "position": position}, lambda: f"Sent {cell(task)} back (position {position}).")


def merge(
    task: TaskId,
    strategy: Annotated[Strategy, typer.Option(help="One commit, a merge commit, or its commits on top.")] = "squash",
    message: Annotated[str, typer.Option(help="The commit's message; absent: made from the card.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Although a check is red. It is audited.")] = False,
    as_json: Json = False,
) -> None:
    """Make a task's approved work part of the project's branch."""
    with connect() as client:
        merged = client.merge(task_id(client, task), strategy, message, force)
    emit(as_json, merged, lambda: f"{cell(merged.branch)} is at {merged.oid[:12]} now (position {merged.position}).")


def push(task: TaskId, as_json: Json = False) -> None:
    """Push a task's branch alone, for a pull request."""
    with connect() as client:
        pushed = client.push(task_id(client, task))
    emit(as_json, pushed, lambda: f"The remote has {cell(pushed.branch)} at {pushed.head[:12]}.")


def resolve(
    task: TaskId,
    comment: Annotated[str, typer.Option(help="What to say to the agent besides.")] = "",
    as_json: Json = False,
) -> None:
    """Send work that could not be merged back to its agent."""
    with connect() as client:
        accepted = client.resolve(task_id(client, task), comment)
    emit(as_json, accepted, lambda: f"Sent back (position {accepted.position}).")


def attempt(
    task: TaskId,
    agent: Annotated[str | None, typer.Option(help="Who does it; absent: the coordinator chooses.")] = None,
    model: Annotated[str | None, typer.Option(help="As provider/model; absent: the router chooses.")] = None,
    from_step: Annotated[int | None, typer.Option(min=0, help="After this step of its newest run.")] = None,
    pick: Annotated[int | None, typer.Option(min=1, help="Make this attempt's work the card's.")] = None,
    list_them: Annotated[bool, typer.Option("--list", help="Only show the attempts that there are.")] = False,
    as_json: Json = False,
) -> None:
    """Have a task tried once more on a branch of its own, or pick one of the attempts."""
    with connect() as client:
        task = task_id(client, task)
        if list_them:
            found = client.attempts(task)
            emit(as_json, {"items": found, "next": None}, lambda: _attempts(found))
            return
        if pick is not None:
            accepted = client.pick_attempt(task, pick)
            emit(as_json, accepted, lambda: f"Attempt {pick} is the card's now (position {accepted.position}).")
            return
        accepted = client.start_attempt(task, agent, model, from_step)
    emit(as_json, accepted, lambda: f"Another attempt is on its way (position {accepted.position}).")


def steps(task: TaskId, run: Run = None, following: Follow = False, as_json: Json = False) -> None:
    """What the newest run of a task does, step by step."""
    with connect() as client:
        task = task_id(client, task)
        wanted = _of(task, run)
        if wanted is None:
            runs = client.runs(task)
            if not runs:
                stop(FAILED, "The task has no run yet.", "Its card says what it waits for: vapora task show TASK.")
            wanted = runs[-1].run_id
        show_steps(client, wanted, following, as_json)


def install(app: typer.Typer) -> None:
    """As commands of `vapora task`."""
    for name, command in (
        ("diff", diff),
        ("checks", checks),
        ("comment", comment),
        ("approve", approve),
        ("request-changes", request_changes),
        ("merge", merge),
        ("push", push),
        ("resolve", resolve),
        ("attempt", attempt),
        ("steps", steps),
    ):
        app.command(name)(command)


def _of(task: str, run: str | None) -> str | None:
    """A run's id, also where only its number was given."""
    return f"{task}.{run}" if run and run.isdigit() else run


def _on_line(given: str) -> CommentOnLine:
    place, equals, text = given.partition("=")
    path, colon, line = place.rpartition(":")
    if not (equals and colon and path and line.isdecimal() and int(line) and text.strip()):
        stop(USAGE, f"{given!r} is no comment on a line.", "Write it as PATH:LINE=TEXT.")
    return CommentOnLine(path=path, line=int(line), text=text)


def _changes(found: Changes, stat: bool) -> RenderableType:
    head = Text(f"{found.branch}  {found.base[:12]}..{found.head[:12]}", style="bold")
    if not found.files:
        return Group(head, "Nothing was changed.")
    rows: list[RenderableType] = [head]
    for one in found.files:
        moved = f" (was {one.old_path})" if one.old_path else ""
        counts = "binary" if one.binary else f"+{one.additions} -{one.deletions}"
        rows.append(Text(f"  {one.status:<9} {counts:>12}  {one.path}{moved}"))
    if found.conflicts:
        rows.append(Text(f"Cannot be merged as it is: {', '.join(found.conflicts)}", style="red"))
    if not stat:
        rows += ["", *(_patch_line(line) for line in found.patch.splitlines())]
    if found.truncated:
        rows.append("There is more than is shown.")
    return Group(*rows)


def _patch_line(line: str) -> Text:
    style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
    return Text(line, style=style if not line.startswith(("+++", "---")) else "bold")


def _checks(found: Changes) -> RenderableType:
    if not found.checks:
        return f"No checks ran on {found.head[:12]}."
    shown = table(f"Checks of {found.head[:12]}", "", "check", "took", "command", right=("took",))
    for one in found.checks:
        mark = Text("green", "green") if one.exit_code == 0 else Text("red", "red")
        shown.add_row(mark, cell(one.name), f"{one.duration_ms / 1_000:.1f} s", cell(clip(one.command, 60)))
    return Group(shown, *(_output(one) for one in found.checks if one.exit_code != 0))


def _output(check: CheckResult) -> RenderableType:
    ended = check.ended or f"exit code {check.exit_code}"
    return Group("", Text(f"{check.name}: {ended}", style="bold"), Text(check.output))


def _comments(said: tuple[Comment, ...]) -> RenderableType:
    if not said:
        return "Nothing was said yet."
    rows: list[RenderableType] = []
    for one in said:
        where = "" if one.path is None else f" on {one.path}" + (f":{one.line}" if one.line else "")
        waits = " (waits for an answer)" if one.open else ""
        who = one.agent_id or one.actor
        rows.append(Text(f"{local(one.at)}  {who}: {one.kind}{where}{waits}", style="bold"))
        rows.append(Text(one.text))
    return Group(*rows)


def _attempts(found: tuple[Attempt, ...]) -> RenderableType:
    if not found:
        return "There is no attempt with a branch yet."
    shown = table("", "", "state", "agent", "checks", "cost", "branch", right=("cost",))
    for one in found:
        mark = f"{one.number}{' picked' if one.picked else ''}"
        verdict = one.checks.value if one.checks else "–"
        cost = dollars(one.cost_microusd, one.simulated)
        shown.add_row(mark, one.state, cell(one.agent_id or "–"), verdict, cost, cell(one.branch or "–"))
    return shown
