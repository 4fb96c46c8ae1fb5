"""`vapora documents`: texts with versions, and how finished work gets into them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType

from vapora.cli.names import project_id
from vapora.cli.output import USAGE, Json, cell, checked, console, emit, emit_json, local, stop, table
from vapora.cli.remote import connect
from vapora.commands import CreateDocument, EditDocument, SetDocumentation
from vapora.views import (
    DocumentationView,
    DocumentSummary,
    DocumentVersion,
    DocumentView,
    DrawnDocuments,
    DuplicatePair,
)

if TYPE_CHECKING:
    from vapora.sdk import Client

app = typer.Typer(help="Documents: their versions, and how finished work gets into them.", no_args_is_help=True)

DocumentId = Annotated[str, typer.Argument(metavar="DOCUMENT", help="Its id.")]
Project = Annotated[str | None, typer.Option(help="The project: its name, or the beginning of its id.")]
Kind = Annotated[str | None, typer.Option(help="readme, changelog, adr, roadmap, guide, reference, runbook, note, …")]
File = Annotated[Path | None, typer.Option("--file", help="The text in Markdown; - reads what is piped in.")]


@app.command("list")
def list_documents(
    project: Project = None,
    kind: Kind = None,
    state: Annotated[str | None, typer.Option(help="draft, published or archived.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the last changed first.")] = 100,
    as_json: Json = False,
) -> None:
    """The documents, without their texts."""
    with connect() as client:
        found = list(client.documents(_project(client, project), kind, state, limit))  # type: ignore[arg-type]
    emit(as_json, {"items": found, "next": None}, lambda: _listed(found))


@app.command()
def show(
    document: DocumentId,
    version: Annotated[int | None, typer.Option(min=1, help="Else the newest.")] = None,
    as_json: Json = False,
) -> None:
    """One document, as it is written."""
    with connect() as client:
        found = client.document(document, version)
    if as_json:
        emit_json(found)
    else:
        # As it is written: nothing is wrapped.
        console(soft_wrap=True).print(_shown(found))


@app.command()
def new(
    title: Annotated[str, typer.Argument(help="What it is called.")],
    file: File = None,
    kind: Kind = None,
    project: Project = None,
    path: Annotated[str | None, typer.Option(help="Where it is kept in the project's repository.")] = None,
    as_json: Json = False,
) -> None:
    """Write a draft."""
    with connect() as client:
        body = {"title": title, "text": _text(file) or "", "kind": kind, "path": path}
        of = _project(client, project)
        given = {name: value for name, value in {**body, "project_id": of}.items() if value is not None}
        made = client.create_document(checked(CreateDocument, given))
    emit(as_json, made, lambda: f"{made.id}: {made.kind}, version {made.version}")


@app.command()
def edit(
    document: DocumentId,
    file: File = None,
    version: Annotated[int | None, typer.Option(min=1, help="That the text was made from; else the newest.")] = None,
    title: Annotated[str | None, typer.Option(help="What it is called from now on.")] = None,
    kind: Kind = None,
    path: Annotated[str | None, typer.Option(help="Where it is kept from now on; an empty one: nowhere.")] = None,
    note: Annotated[str, typer.Option(help="What changed.")] = "",
    as_json: Json = False,
) -> None:
    """Another version of it. Refused where it has a newer one than yours was made from."""
    with connect() as client:
        body: dict[str, Any] = {"version": version or client.document(document).version, "note": note}
        said = {"text": _text(file), "title": title, "kind": kind, "path": path}
        body |= {name: value for name, value in said.items() if value is not None}
        if path == "":
            body["path"] = None
        made = client.edit_document(document, checked(EditDocument, body))
    emit(as_json, made, lambda: f"{made.id} is at version {made.version}.")


@app.command()
def publish(
    document: DocumentId,
    version: Annotated[int | None, typer.Option(min=1, help="Else the newest.")] = None,
    as_json: Json = False,
) -> None:
    """A version holds from now on."""
    with connect() as client:
        made = client.publish_document(document, version)
    emit(as_json, made, lambda: f"{made.id}: version {made.published_version} is published.")


@app.command()
def archive(document: DocumentId, reason: Annotated[str, typer.Option()] = "", as_json: Json = False) -> None:
    """Keep it, and edit it no more."""
    with connect() as client:
        made = client.archive_document(document, reason)
    emit(as_json, made, lambda: f"{made.id} is archived.")


@app.command()
def restore(document: DocumentId, as_json: Json = False) -> None:
    """Undo an archiving or a merge."""
    with connect() as client:
        made = client.restore_document(document)
    emit(as_json, made, lambda: f"{made.id} is {made.state} again.")


@app.command()
def history(
    document: DocumentId,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 20,
    patch: Annotated[bool, typer.Option("--patch", help="With what changed.")] = False,
    as_json: Json = False,
) -> None:
    """Its versions."""
    with connect() as client:
        found = list(client.document_versions(document, limit))
    emit(as_json, {"items": found, "next": None}, lambda: _versions(found, patch))


@app.command()
def duplicates(
    project: Project = None,
    threshold: Annotated[float | None, typer.Option(min=0.1, max=1, help="How alike at least.")] = None,
    as_json: Json = False,
) -> None:
    """Documents that say much the same."""
    with connect() as client:
        found = client.duplicates(_project(client, project), threshold)
    emit(as_json, {"items": found, "next": None}, lambda: _pairs(found))


@app.command()
def merge(
    document: DocumentId,
    into: Annotated[str, typer.Argument(metavar="INTO", help="The one that stands for both from now on.")],
    file: File = None,
    version: Annotated[int | None, typer.Option(min=1, help="Of INTO, that the text was made from.")] = None,
    reason: Annotated[str, typer.Option()] = "",
    as_json: Json = False,
) -> None:
    """Archive a document with a pointer at another one, which may get a new text with --file."""
    with connect() as client:
        made = client.merge_document(document, into, _text(file), version, reason)
    emit(as_json, made, lambda: f"{made.id} is archived; {made.into} stands for both.")


@app.command()
def adrs(project: Project = None, as_json: Json = False) -> None:
    """Draw drafts of decision records from the log: each decision once."""
    _draw("decisions", project, as_json)


@app.command()
def presentations(project: Project = None, as_json: Json = False) -> None:
    """Take over what presenters handed in."""
    _draw("presentations", project, as_json)


@app.command()
def keep(
    rule: Annotated[
        str | None,
        typer.Argument(help="off, each (a card for each finished card), batched (one open card a project), or unset."),
    ] = None,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Show or say whether finished cards lead to cards for the documenter."""
    with connect() as client:
        if rule is None:
            found = client.documentation()
        else:
            body = {"rule": None if rule == "unset" else rule}
            said = checked(SetDocumentation, body | ({"project_id": of} if (of := _project(client, project)) else {}))
            found = client.set_documentation(said.rule, said.project_id)
    emit(as_json, found, lambda: _kept(found))


def _draw(of: Any, project: str | None, as_json: bool) -> None:
    with connect() as client:
        found: DrawnDocuments = client.draw_documents(of, _project(client, project))
    none = "The log holds none yet."
    emit(as_json, found, lambda: "\n".join(f"{one.id}  {cell(one.title)}" for one in found.items) or none)


def _project(client: Client, project: str | None) -> str | None:
    return None if project is None else project_id(client, project)


def _text(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        stop(USAGE, f"{file} cannot be read: {error}.", "Name a text file in UTF-8.")


def _listed(found: list[DocumentSummary]) -> RenderableType:
    if not found:
        return "There are no documents yet. Write one with: vapora documents new TITLE --file TEXT.md"
    shown = table("Documents", "id", "title", "kind", "state", "version", "kept at", "changed", fixed=("id",))
    for one in found:
        shown.add_row(
            one.id, cell(one.title), one.kind, one.state, str(one.version), cell(one.path or ""), local(one.updated_at)
        )
    return shown


def _shown(one: DocumentView) -> str:
    parts = [one.kind, one.state, f"version {one.shown_version} of {one.version}"]
    parts += [f"kept at {one.path}"] if one.path else []
    parts += [f"merged into {one.merged_into}"] if one.merged_into else []
    return f"{cell(one.title)} ({cell(', '.join(parts))})\n\n{cell(one.text)}"


def _versions(found: list[DocumentVersion], patch: bool) -> RenderableType:
    shown = table("Versions", "version", "at", "by", "from", "+", "-", "note", fixed=("version",))
    for one in found:
        number = f"{one.version}{' published' if one.published_at else ''}"
        shown.add_row(
            number, local(one.at), one.by, one.source.kind, str(one.additions), str(one.deletions), cell(one.note)
        )
    return Group(shown, *(cell(one.patch) for one in found)) if patch else shown


def _pairs(found: tuple[DuplicatePair, ...]) -> RenderableType:
    if not found:
        return "No two documents say the same."
    shown = table("Duplicates", "alike", "id", "title", "other", "its title", fixed=("id", "other"))
    for one in found:
        shown.add_row(f"{one.score:.2f}", one.one.id, cell(one.one.title), one.other.id, cell(one.other.title))
    return shown


def _kept(found: DocumentationView) -> RenderableType:
    shown = table(f"The workspace says: {found.rule}", "project", "says", "in effect", fixed=("project",))
    for one in found.projects:
        shown.add_row(one.project_id, one.rule or "–", one.in_effect)
    return shown
