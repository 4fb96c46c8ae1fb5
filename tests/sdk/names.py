"""The names that programs of others rely on: `python -m tests.sdk.names` writes them down.

A change of `names.txt` is a change of the promise: what goes from it needs a major version.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import vapora
from vapora import sdk
from vapora.sdk import backlog, handles, pages, shapes, workspaces

FILE = Path(__file__).parent / "names.txt"
_CLASSES = (
    sdk.Client, handles.Projects, handles.Project, handles.Tasks, handles.Task, workspaces.Workspaces,
    workspaces.Workspace, backlog.Backlog, pages.Pages, sdk.Rows, sdk.Live, sdk.LiveBoard, sdk.ApiError,
    shapes.Board, shapes.Budgets, shapes.Changes, shapes.Costs, shapes.Curves, shapes.Dashboard, shapes.Learning,
    shapes.Why,
)  # fmt: skip


def lines() -> Iterator[str]:
    yield from (f"vapora.{name}" for name in sorted(vapora.__all__))
    yield from (f"vapora.sdk.{name}" for name in sorted(sdk.__all__))
    for one in _CLASSES:
        for name, member in sorted(vars_of(one).items()):
            yield f"{one.__name__}.{name}{_parameters(member)}"


def vars_of(one: type) -> dict[str, object]:
    """Its own and those of its parents of ours, in this package."""
    found = {
        name: member
        for parent in reversed(one.__mro__)
        if parent.__module__.startswith("vapora.sdk")
        for name, member in vars(parent).items()
    }
    plain = {name: member for name, member in found.items() if not name.startswith(("_", "model_"))}
    return plain | ({"__init__": found["__init__"]} if "__init__" in found else {})


def _parameters(member: object) -> str:
    """Names and kinds alone: types are mypy's business."""
    if not inspect.isfunction(member):
        return ""
    parameters = inspect.signature(member).parameters.values()
    return str(inspect.Signature([one.replace(annotation=one.empty, default=_default(one)) for one in parameters]))


def _default(parameter: inspect.Parameter) -> object:
    # The order of a set is chance.
    return tuple(sorted(parameter.default)) if isinstance(parameter.default, frozenset) else parameter.default


def text() -> str:
    return "".join(f"{line}\n" for line in lines())


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
