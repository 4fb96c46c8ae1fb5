"""`vapora project`: what the work is about."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from pydantic import ValidationError
from rich.console import RenderableType

from events.ids import MergePolicy
from vapora.cli.names import project_id
from vapora.cli.output import FAILED, USAGE, Json, cell, clip, emit, local, say, stop, table
from vapora.cli.remote import connect
from vapora.commands import Command, CreateProject, EditProject, SandboxName
from vapora.views import Project, RepositoryView

if TYPE_CHECKING:
    from vapora.sdk import Client

app = typer.Typer(help="The projects; without a command, lists them.", invoke_without_command=True)


@app.callback()
def _default(ctx: typer.Context, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is None:
        _list(as_json)


@app.command("list")
def list_projects(as_json: Json = False) -> None:
    """All projects."""
    _list(as_json)


Project_ = Annotated[str, typer.Argument(metavar="PROJECT", help="Its name, or the beginning of its id.")]
Repo = Annotated[str | None, typer.Option(help="The git repository that the work is about: a folder, or a URL.")]
BaseBranch = Annotated[str | None, typer.Option(help="Where work starts and lands; absent: what is checked out.")]
Setup = Annotated[
    list[str] | None, typer.Option("--setup", help="A command that makes a worktree ready; repeatable, in order.")
]
Checks = Annotated[
    list[str] | None, typer.Option("--check", help="NAME=COMMAND that has to succeed; repeatable, in order.")
]
Copies = Annotated[
    list[str] | None, typer.Option("--copy", help="An ignored file, as .env, that each worktree gets; repeatable.")
]
ReadOnly = Annotated[
    list[str] | None, typer.Option("--read-only", help="A folder that commands may read besides; repeatable.")
]
Merging = Annotated[MergePolicy | None, typer.Option("--merge", help="Who lands approved work with green checks.")]
Sandboxed = Annotated[SandboxName | None, typer.Option("--sandbox", help="What keeps commands apart.")]
Providers = Annotated[list[str] | None, typer.Option("--provider", help="Only these may see the project; repeatable.")]


@app.command()
def add(
    name: Annotated[str, typer.Argument()],
    description: Annotated[str, typer.Option()] = "",
    repo: Repo = None,
    base_branch: BaseBranch = None,
    setup: Setup = None,
    checks: Checks = None,
    copies: Copies = None,
    read_only: ReadOnly = None,
    merge_policy: Merging = None,
    sandbox: Sandboxed = None,
    providers: Providers = None,
    same_name: Annotated[bool, typer.Option("--same-name", help="Also if there is one of this name.")] = False,
    as_json: Json = False,
) -> None:
    """Make a project."""
    if not name.strip():
        stop(USAGE, "A project needs a name.")
    said = _settings(repo, base_branch, setup, checks, copies, read_only, merge_policy, sandbox, providers)
    command = _checked(CreateProject, {"name": name, "description": description, **said})
    with connect() as client:
        if not same_name:
            _require_new_name(client, name)
        accepted = client.create_project(command)
    emit(as_json, accepted, lambda: f"Made project {cell(accepted.id)}.")


@app.command()
def show(project: Project_, as_json: Json = False) -> None:
    """One project with its settings and its repository."""
    with connect() as client:
        found = client.get_project(project_id(client, project))
        repository = client.repository(found.id) if found.repo else None
    told = {"project": found, "repository": repository}
    emit(as_json, told, lambda: _draw(found, repository))


@app.command()
def pause(
    project: Project_, reason: Annotated[str, typer.Option(help="Why; it is shown.")] = "", as_json: Json = False
) -> None:
    """Nothing of it starts, and no new model call goes out."""
    with connect() as client:
        accepted = client.pause_project(project_id(client, project), reason)
    emit(as_json, accepted, lambda: f"Paused (position {accepted.position}).")


@app.command()
def resume(project: Project_, as_json: Json = False) -> None:
    """Let it go on."""
    with connect() as client:
        accepted = client.resume_project(project_id(client, project))
    emit(as_json, accepted, lambda: f"It goes on (position {accepted.position}).")


@app.command("accept-file")
def accept_file(
    project: Project_,
    sha256: Annotated[str | None, typer.Option(help="Of the text that you read; absent: you are asked.")] = None,
    as_json: Json = False,
) -> None:
    """Let the commands of the repository's .vapora/project.toml be run, as that file is now."""
    with connect() as client:
        project = project_id(client, project)
        if sha256 is None:
            file = client.project_file(project)
            if file.sha256 is None:
                stop(FAILED, "The base branch has no .vapora/project.toml.", "Commit one first.")
            say(file.text or "")
            if not (sys.stdin.isatty() and sys.stderr.isatty()):
                stop(USAGE, "Nobody is here to agree.", f"Read it, then add --sha256 {file.sha256}.")
            typer.confirm("Let these commands be run?", abort=True, err=True)
            sha256 = file.sha256
        accepted = client.accept_file(project, sha256)
    emit(as_json, accepted, lambda: f"Accepted (position {accepted.position}).")


def _settings(
    repo: str | None,
    base_branch: str | None,
    setup: list[str] | None,
    checks: list[str] | None,
    copies: list[str] | None,
    read_only: list[str] | None,
    merge_policy: MergePolicy | None,
    sandbox: SandboxName | None,
    providers: list[str] | None,
) -> dict[str, Any]:
    """What was said of work in the repository, by the names of the API."""
    said = {
        "repo": None if repo is None else _place(repo),
        "base_branch": base_branch,
        "setup": setup or None,
        "checks": [_check(one) for one in checks] if checks else None,
        "copy": copies or None,
        "read_only": [str(Path(one).expanduser().absolute()) for one in read_only] if read_only else None,
        "merge_policy": merge_policy,
        "sandbox": sandbox,
        "providers": providers or None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _place(repo: str) -> str:
    """A folder becomes absolute: the server has another working folder than this shell."""
    is_url = "://" in repo or (":" in repo.partition("/")[0] and not Path(repo).exists())
    return repo if is_url else str(Path(repo).expanduser().absolute())


def _check(given: str) -> dict[str, str]:
    name, equals, command = given.partition("=")
    if not (equals and name.strip() and command.strip()):
        stop(USAGE, f"{given!r} is no check.", "Write it as NAME=COMMAND.")
    return {"name": name, "command": command}


def _require_new_name(client: Client, name: str) -> None:
    """Commands name projects: two of one name could be told apart by their ids only."""
    taken = [one.id for one in client.projects() if one.name.casefold() == name.strip().casefold()]
    if not taken:
        return
    told = f"There is a project called {clip(name, 60)!r} already: {', '.join(taken)}."
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        stop(FAILED, told, "Choose another name, or add --same-name.")
    say(told)
    typer.confirm("Make another one of this name?", abort=True, err=True)


@app.command()
def edit(
    project: Project_,
    name: Annotated[str | None, typer.Option()] = None,
    description: Annotated[str | None, typer.Option()] = None,
    repo: Repo = None,
    no_repo: Annotated[bool, typer.Option("--no-repo", help="Take the repository away.")] = False,
    base_branch: BaseBranch = None,
    setup: Setup = None,
    checks: Checks = None,
    copies: Copies = None,
    read_only: ReadOnly = None,
    merge_policy: Merging = None,
    sandbox: Sandboxed = None,
    providers: Providers = None,
    as_json: Json = False,
) -> None:
    """Change a project; what is not named stays as it is, a list that is named is all of it."""
    if repo is not None and no_repo:
        stop(USAGE, "A repository cannot be set and taken away at once.")
    said = {"name": name, "description": description}
    change = {one: value for one, value in said.items() if value is not None} | ({"repo": None} if no_repo else {})
    change |= _settings(repo, base_branch, setup, checks, copies, read_only, merge_policy, sandbox, providers)
    if not change:
        stop(USAGE, "Nothing to change was named.", "See vapora project edit --help.")
    if name is not None and not name.strip():
        stop(USAGE, "A project needs a name.")
    command = _checked(EditProject, change)
    with connect() as client:
        edited = client.edit_project(project_id(client, project), command)
    emit(as_json, edited, lambda: f"Changed project {cell(edited.id)}.")


Wanted = TypeVar("Wanted", bound=Command)


def _checked(kind: type[Wanted], said: dict[str, Any]) -> Wanted:
    try:
        return kind.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        stop(USAGE, f"{'.'.join(map(str, first['loc']))}: {first['msg']}.")


def _list(as_json: bool) -> None:
    with connect() as client:
        found = client.projects()
    emit(as_json, {"items": found, "next": None}, lambda: _projects(found))


def _projects(found: tuple[Project, ...]) -> RenderableType:
    if not found:
        return "No projects yet. Make one with `vapora project add NAME`."
    shown = table("", "id", "name", "repository", fixed=("id",))
    for one in found:
        shown.add_row(cell(one.id), cell(clip(one.name, 40)), cell(one.repo or "–"))
    return shown


def _draw(project: Project, repository: RepositoryView | None) -> RenderableType:
    checks = None if project.checks is None else ", ".join(f"{one.name}: {one.command}" for one in project.checks)
    facts = [
        ("description", project.description or None),
        ("repository", project.repo),
        ("base branch", project.base_branch or (repository and repository.base_branch)),
        ("head", repository and repository.head),
        ("setup", None if project.setup is None else "; ".join(project.setup) or "none"),
        ("checks", checks if checks != "" else "none"),
        ("copy", ", ".join(project.copies) or None),
        ("read only", ", ".join(project.read_only) or None),
        ("merge", project.merge_policy.value),
        ("sandbox", project.sandbox),
        ("providers", ", ".join(project.providers) or None),
        ("paused", f"since {local(project.paused.since)}: {project.paused.reason}" if project.paused else None),
        ("branches", ", ".join(one.name for one in repository.branches) or None if repository else None),
        ("problem", repository and repository.problem),
    ]
    shown = table(f"{project.id}  {clip(project.name, 60)}", "", "", fixed=())
    shown.show_header = False
    for name, value in facts:
        if value is not None:
            shown.add_row(name, cell(value))
    return shown
