"""`vapora trackers`: GitHub and Jira, whose issues are kept in step with cards."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import RenderableType

from vapora.cli.names import project_id
from vapora.cli.output import FAILED, USAGE, Json, cell, checked, emit, stop, table
from vapora.cli.remote import connect
from vapora.commands import SetTracker
from vapora.views import CardLink, TrackerStatus, TrackerView

app = typer.Typer(help="GitHub and Jira; without a command, lists what is connected.", invoke_without_command=True)

TrackerId = Annotated[str, typer.Argument(metavar="TRACKER", help="Its id.")]
_NOT_SET = frozenset({"id", "links", "created_at", "position"})


@app.callback()
def _default(ctx: typer.Context, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is None:
        _list(as_json)


@app.command("list")
def list_trackers(as_json: Json = False) -> None:
    """Those that are connected."""
    _list(as_json)


@app.command("set")
def set_tracker(
    tracker: TrackerId,
    kind: Annotated[str | None, typer.Option(help="github or jira.")] = None,
    remote: Annotated[str | None, typer.Option(help="owner/name, or the key of a Jira project.")] = None,
    project: Annotated[str | None, typer.Option(help="Whose cards its issues become: a name or an id.")] = None,
    secret: Annotated[str | None, typer.Option(help="The name of its token in the vault, as tracker-app.")] = None,
    url: Annotated[str | None, typer.Option(help="Of an own server, or of the Jira site.")] = None,
    username: Annotated[str | None, typer.Option(help="Of Jira's Cloud: whose token it is.")] = None,
    webhook_secret: Annotated[str | None, typer.Option(help="The name of what webhooks are signed with.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="Issues with it become cards; repeatable.")] = None,
    every_issue: Annotated[bool, typer.Option("--every-issue", help="Whatever labels it bears.")] = False,
    review: Annotated[str | None, typer.Option(help="human, agent or none.")] = None,
    jira_api: Annotated[str | None, typer.Option(help="3 for the Cloud, 2 for an own server.")] = None,
    issue_type: Annotated[str | None, typer.Option(help="Of Jira issues that are made here.")] = None,
    agent_comments: Annotated[bool | None, typer.Option("--agent-comments/--no-agent-comments")] = None,
    close_issues: Annotated[bool | None, typer.Option("--close-issues/--leave-issues")] = None,
    pull_requests: Annotated[bool | None, typer.Option("--pull-requests/--no-pull-requests")] = None,
    poll_s: Annotated[int | None, typer.Option(min=10, help="How often it is looked at, in seconds.")] = None,
    description: Annotated[str | None, typer.Option()] = None,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable")] = None,
    as_json: Json = False,
) -> None:
    """Connect one, or change what is named of one that is. Its token: vapora secrets set tracker-…"""
    said: dict[str, Any] = {
        "kind": kind,
        "remote": remote,
        "project_id": project,
        "secret": secret,
        "url": url,
        "username": username,
        "webhook_secret": webhook_secret,
        "labels": [] if every_issue else label,
        "review": review,
        "jira_api": jira_api,
        "issue_type": issue_type,
        "agent_comments": agent_comments,
        "close_issues": close_issues,
        "pull_requests": pull_requests,
        "poll_s": poll_s,
        "description": description,
        "enabled": enabled,
    }
    changes = {name: value for name, value in said.items() if value is not None}
    if not changes:
        stop(USAGE, "Nothing was named.", "Name --kind, --remote, --project and --secret.")
    with connect() as client:
        known = next((one for one in client.trackers() if one.id == tracker), None)
        before = {} if known is None else known.model_dump(exclude=set(_NOT_SET))
        if project is not None:
            changes["project_id"] = project_id(client, project)
        shown = client.set_tracker(tracker, checked(SetTracker, {**before, **changes}))
    emit(as_json, shown, lambda: _drawn((shown,)))


@app.command()
def remove(tracker: TrackerId, as_json: Json = False) -> None:
    """Disconnect one. Cards and issues stay as they are."""
    with connect() as client:
        position = client.remove_tracker(tracker)
    emit(as_json, {"id": tracker, "position": position}, lambda: f"{cell(tracker)} is disconnected.")


@app.command()
def check(tracker: TrackerId, as_json: Json = False) -> None:
    """Ask it now for what it is connected to."""
    with connect() as client:
        outcome = client.check_tracker(tracker)
    emit(as_json, outcome, lambda: f"Reached {cell(outcome.name)}." if outcome.reached else cell(outcome.error))
    if not outcome.reached:
        raise typer.Exit(FAILED)


@app.command()
def status(tracker: TrackerId, as_json: Json = False) -> None:
    """Whether it is in step, and what stands in the way."""
    with connect() as client:
        found = client.tracker_status(tracker)
    emit(as_json, found, lambda: _told(found))


@app.command("import")
def import_issues(
    tracker: TrackerId,
    number: Annotated[list[str] | None, typer.Argument(help="Of issues, as 7 or APP-7; none: all open ones.")] = None,
    as_json: Json = False,
) -> None:
    """Have issues become cards: those that are named, or all open ones with the tracker's labels."""
    with connect() as client:
        accepted = client.import_issues(tracker, tuple(number or ()))
    emit(as_json, accepted, lambda: "They become cards, one after the other.")


@app.command()
def issue(
    task: Annotated[str, typer.Argument(metavar="TASK", help="The card's id.")],
    tracker: Annotated[str, typer.Option(help="In which tracker.")],
    as_json: Json = False,
) -> None:
    """Have an issue made of a card."""
    with connect() as client:
        accepted = client.make_issue(task, tracker)
    emit(as_json, accepted, lambda: "It is made.")


@app.command()
def links(task: Annotated[str, typer.Argument(metavar="TASK", help="The card's id.")], as_json: Json = False) -> None:
    """The issues and pull requests of a card."""
    with connect() as client:
        found = client.card_links(task)
    emit(as_json, {"items": found, "next": None}, lambda: _linked(found))


def _list(as_json: bool) -> None:
    with connect() as client:
        found = client.trackers()
    emit(as_json, {"items": found, "next": None}, lambda: _drawn(found))


def _told(found: TrackerStatus) -> str:
    if found.problem:
        return f"{found.waiting} waiting: {cell(found.problem)}"
    return f"{found.waiting} waiting." if found.waiting else "In step."


def _drawn(found: tuple[TrackerView, ...]) -> RenderableType:
    if not found:
        return "Nothing is connected. Begin with: vapora trackers set ID --kind github --remote owner/name …"
    shown = table("Trackers", "id", "kind", "connected to", "labels", "links", "state", fixed=("id",))
    for one in found:
        labels = cell(", ".join(one.labels)) if one.labels else "every issue"
        shown.add_row(cell(one.id), one.kind, cell(one.remote), labels, str(one.links), "on" if one.enabled else "off")
    return shown


def _linked(found: tuple[CardLink, ...]) -> RenderableType:
    if not found:
        return "No issue and no pull request belongs to it."
    shown = table("Links", "what", "number", "state", "address", "problem", fixed=("number",))
    for one in found:
        what = "pull request" if one.kind == "pull" else "issue"
        shown.add_row(what, cell(one.number), one.state, cell(one.url), cell(one.problem or "–"))
    return shown
