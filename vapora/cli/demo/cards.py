"""The cards that a demo hands in: of a backlog file, checked as a whole before anything is started."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from vapora.cli.output import FAILED, USAGE, stop
from vapora.commands import SubmitTask

if TYPE_CHECKING:
    from vapora.sdk import Client

Body = dict[str, Any]


def read(backlog: Path | None, *, own_repository: bool) -> tuple[Body, ...]:
    """The named file's, else those that are shipped: for the demo's own repository, or for any other."""
    from vapora.catalog import load_backlog

    if backlog is not None:
        bodies = load_backlog(backlog)
    else:
        with as_file(files("vapora.cli.demo") / ("own.yaml" if own_repository else "backlog.yaml")) as shipped:
            bodies = load_backlog(shipped)
    names: set[str] = set()
    for number, body in enumerate(bodies, start=1):
        _check(number, body)
        if (name := body.get("name")) is not None:
            if not isinstance(name, str) or name in names:
                stop(USAGE, f"Entry {number} of the backlog, {body['title']!r}: its name has to be a text of its own.")
            names.add(name)
    return tuple(bodies)


def _check(number: int, body: Body) -> None:
    try:
        SubmitTask.model_validate({**_plain(body), "project_id": "demo"})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        stop(USAGE, f"Entry {number} of the backlog, {body['title']!r}, cannot be used: {where}: {first['msg']}.")


def _plain(body: Body) -> Body:
    return {field: value for field, value in body.items() if field != "name"}


def hand_in(client: Client, project_id: str, bodies: Sequence[Body]) -> tuple[str, ...]:
    """The ids of the tasks. In `blocked_by`, the `name` of an earlier entry stands for its task."""
    from vapora.sdk import ApiError

    made: list[str] = []
    ids: dict[str, str] = {}
    for number, body in enumerate(bodies, start=1):
        asked = _plain(body) | {"project_id": project_id}
        if "blocked_by" in asked:
            asked["blocked_by"] = [ids.get(one, one) for one in asked["blocked_by"]]
        try:
            made.append(client.submit_task(asked).task_id)
        except ApiError as error:
            stop(FAILED, f"Entry {number} of the backlog, {body['title']!r}, was refused: {error}")
        if "name" in body:
            ids[body["name"]] = made[-1]
    return tuple(made)
