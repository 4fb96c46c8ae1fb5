"""`vapora export`, `import` and `backup`: the log leaves the house, and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vapora.cli.offline import Data, Workspace, alone, open_log, settings_for
from vapora.cli.output import USAGE, Json, emit, stop

if TYPE_CHECKING:
    from vapora.archive.export import Exported
    from vapora.archive.whole import Manifest
    from vapora.objects import Objects
    from vapora.settings import Settings


def export(
    file: Annotated[Path, typer.Argument(help="A new file; compressed where its name ends in .gz.")],
    data: Data = None,
    workspace: Workspace = "default",
    with_blobs: Annotated[bool, typer.Option("--blobs/--no-blobs", help="With the large texts.")] = True,
    as_json: Json = False,
) -> None:
    """Write the log to a file of JSON lines that proves itself. Also beside a running server."""
    from vapora import __version__, clock
    from vapora.archive.export import export as write
    from vapora.blobs import open_blobs

    settings = settings_for(data)
    with open_log(settings, workspace) as log:
        folder = settings.blob_folder(workspace)
        blobs = open_blobs(settings.blobs_url, folder, workspace) if with_blobs else None
        done = write(log, blobs, workspace, file, clock.now(), __version__)
    told = f"{done.events:,} events up to position {done.tip.position:,} and {done.blobs:,} texts are in {file}."
    emit(as_json, {"file": str(file), **_said(done)}, lambda: told)


def load(
    file: Annotated[Path, typer.Argument(help="What `vapora export` wrote.")],
    data: Data = None,
    workspace: Annotated[str | None, typer.Option(help="Must be the export's; absent, it is.")] = None,
    as_json: Json = False,
) -> None:
    """Make a workspace from an export, where there is none of that name: in a data folder, or in the database that
    VAPORA_DATABASE_URL names. All of it is proved, or nothing is there."""
    from vapora import clock
    from vapora.archive.importer import import_new
    from vapora.archive.load import ExportFile
    from vapora.errors import BadInputError

    settings = settings_for(data)
    opened = ExportFile(file)
    try:
        if workspace not in (None, opened.workspace):
            raise BadInputError(
                f"{file} holds the workspace {opened.workspace!r}, not {workspace!r}.",
                remedy="Its events name their workspace, so it cannot become another one.",
            )
        with _nobody_else(settings, opened.workspace):
            done = import_new(opened, settings, clock.now)
    finally:
        opened.close()
    in_files = settings.database_url is None
    place = settings.workspace_folder(done.workspace) if in_files else settings.log_place(done.workspace)
    told = (
        f"{done.events:,} events up to position {done.tip.position:,} and {done.blobs:,} texts are in {place}. "
        f"`vapora up --data {settings.data}` builds the read models and goes on."
    )
    emit(as_json, {"folder" if in_files else "database": str(place), **_said(done)}, lambda: told)


def backup(
    place: Annotated[str, typer.Argument(help="A new folder, or an empty one; or s3://bucket/prefix.")],
    portable: Annotated[
        bool, typer.Option("--portable", help="In the form that `vapora restore` puts back anywhere.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Save nothing: read back what is there, and prove that it is whole.")
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Copy the logs, texts, checkpoints, repositories, people and secrets of all workspaces, beside a running server,
    and prove the copy.

    Of files, into a folder: to restore, copy it back to where the data was. Of a database, into an S3-compatible store,
    and with --portable: `vapora restore` puts it back, into files or a database.
    """
    from vapora import __version__, clock
    from vapora.archive.backup import backup as save
    from vapora.log.places import workspaces

    settings = settings_for(data)
    if check:
        _check(settings, place, as_json)
        return
    if portable or settings.database_url is not None or place.startswith("s3://"):
        _back_up_all(settings, place, as_json)
        return
    folder = Path(place)
    names = sorted(workspaces(settings))
    if not names:
        stop(USAGE, f"There is no log in {settings.data}.", "Check --data (or VAPORA_DATA).")
    saved = save(settings, names, folder, clock.now(), __version__)
    told = "\n".join(
        f"{name}: {one.events:,} events up to position {one.position:,}, {one.checkpoints:,} checkpoints, "
        f"{one.blobs:,} texts."
        for name, one in saved.items()
    )
    emit(as_json, {"folder": str(folder), "workspaces": saved}, lambda: f"Saved to {folder}, and proved.\n{told}")


def _check(settings: Settings, place: str, as_json: bool) -> None:
    """Short enough for what a pod may say when it ends: 4 KiB."""
    from vapora.archive.whole import prove

    manifest = prove(settings, _place(place))
    events = sum(one.events for one in manifest.workspaces.values())
    told = {
        "place": place,
        "at": manifest.at,
        "proved": True,
        "workspaces": len(manifest.workspaces),
        "events": events,
        "files": len(manifest.files),
    }
    emit(as_json, told, lambda: f"{place} is whole: {told['workspaces']} logs, {events:,} events, as of {manifest.at}.")


def _back_up_all(settings: Settings, place: str, as_json: bool) -> None:
    from vapora import __version__, clock
    from vapora.archive.whole import save_all

    manifest = save_all(settings, _place(place), clock.now(), __version__)
    _tell(manifest, place, f"Saved to {place}, and proved.", as_json)


def restore(
    place: Annotated[str, typer.Argument(help="A folder, or s3://bucket/prefix, that `vapora backup` wrote to.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Put back what `vapora backup` saved of a database, or into a store: into a data folder, or into the database and
    the store of the settings, where there is nothing yet. One that was cut off goes on when it is called again."""
    from vapora import clock
    from vapora.archive.whole import restore_all

    settings = settings_for(data)
    with _nobody_else(settings, "default"):
        manifest = restore_all(settings, _place(place), clock.now)
    _tell(manifest, place, f"Restored from {place}, and proved.", as_json)


def _place(place: str) -> Objects:
    from vapora.objects import FolderObjects, objects_at

    return objects_at(place, "The address") if place.startswith("s3://") else FolderObjects(Path(place))


def _tell(manifest: Manifest, place: str, said: str, as_json: bool) -> None:
    told = "\n".join(
        f"{name}: {one.events:,} events up to position {one.position:,}, {one.checkpoints:,} checkpoints, "
        f"{one.blobs:,} texts, {len(manifest.repositories.get(name, ())):,} repositories."
        for name, one in manifest.workspaces.items()
    )
    answer = {"place": place, "workspaces": manifest.workspaces, "repositories": manifest.repositories}
    emit(as_json, answer, lambda: f"{said}\n{told}")


@contextmanager
def _nobody_else(settings: Settings, workspace: str) -> Iterator[None]:
    if settings.database_url is None and not settings.data.is_dir():  # nobody can be at work in there
        yield
        return
    with alone(settings, workspace):
        yield


def _said(done: Exported) -> dict[str, Any]:
    return {
        "workspace": done.workspace,
        "events": done.events,
        "position": done.tip.position,
        "digest": done.tip.digest.hex(),
        "blobs": done.blobs,
    }
