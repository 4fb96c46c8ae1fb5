"""Whether a definition can be stored: every fault of it at once, each by its place."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from events.ids import MemberRole
from vapora.commands import SubmitTask
from vapora.domain.workflow.condition import parse
from vapora.domain.workflow.definition import MOST_STAGES, Definition, Stage, upstream
from vapora.errors import BadInputError

_LONGEST = 500_000
# What a condition may ask of a stage.
STAGE_FACTS = ("state", "outcome", "checks", "attempts")


@dataclass(frozen=True, slots=True)
class Fault:
    """`place`: as `stages.build.needs`; empty: the whole."""

    place: str
    message: str


@dataclass(frozen=True, slots=True)
class Known:
    """What there is here. `fits`: whether a role does work of a type."""

    roles: Collection[str]
    task_types: Collection[str]
    fits: Callable[[str, str], bool]


def parse_text(text: str) -> dict[str, Any] | Fault:
    """A definition as it is written: JSON where it begins with a brace, else TOML."""
    if len(text) > _LONGEST:
        return Fault("", f"It is longer than {_LONGEST} characters.")
    try:
        found = from_json(text, allow_inf_nan=False) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        kind = "JSON" if text.lstrip().startswith("{") else "TOML"
        return Fault("", f"It is no valid {kind}: {error}.")
    if not found:
        return Fault("", "It is empty: a workflow has a name and at least one stage.")
    return dict(found)


def check(data: Mapping[str, Any], known: Known) -> tuple[Definition | None, tuple[Fault, ...]]:
    """The definition, or its faults."""
    stages = data.get("stages")
    if not isinstance(stages, list | tuple) or not stages:
        return None, (*_top(data), Fault("stages", "A workflow has at least one stage: a list of tables."))
    if len(stages) > MOST_STAGES:
        return None, (
            *_top(data),
            Fault("stages", f"There are {len(stages)} stages; a workflow has at most {MOST_STAGES}."),
        )
    faults = list(_top(data))
    good: list[Stage] = []
    for index, one in enumerate(stages):
        found = _stage(one, index)
        if isinstance(found, Stage):
            good.append(found)
        else:
            faults += found
    names = [one.get("name") for one in stages if isinstance(one, Mapping)]
    faults += _together(data, good, [one for one in names if isinstance(one, str)], known)
    if faults:
        return None, tuple(dict.fromkeys(faults))
    return Definition.model_validate(data), ()


def require(data: Mapping[str, Any], known: Known) -> Definition:
    """Raises `BadInputError` with all `faults`."""
    definition, faults = check(data, known)
    if definition is None:
        raise refused(faults)
    return definition


def refused(faults: Collection[Fault]) -> BadInputError:
    told = " ".join(f"{one.place}: {one.message}" if one.place else one.message for one in list(faults)[:20])
    return BadInputError(
        f"The workflow was not stored. {told}",
        remedy="Mend what is named; nothing was changed.",
        field=next((one.place for one in faults if one.place), ""),
        faults=[{"place": one.place, "message": one.message} for one in faults],
    )


def _top(data: Mapping[str, Any]) -> Iterator[Fault]:
    """What stands beside the stages."""
    placeholder = [{"name": "placeholder"}]
    try:
        Definition.model_validate({**data, "stages": placeholder})
    except ValidationError as error:
        yield from _told(error, "")


def _stage(data: Any, index: int) -> Stage | list[Fault]:
    name = data.get("name") if isinstance(data, Mapping) else None
    place = f"stages.{name if isinstance(name, str) and name else index}"
    if not isinstance(data, Mapping):
        return [Fault(place, "A stage is a table with a name.")]
    try:
        return Stage.model_validate(data)
    except ValidationError as error:
        return list(_told(error, place))


def _told(error: ValidationError, place: str) -> Iterator[Fault]:
    for one in error.errors(include_url=False):
        parts = [str(part) for part in one["loc"] if str(part) not in ("ScheduleTrigger", "literal['manual']")]
        message = {
            "missing": "It has to be there.",
            "extra_forbidden": "There is no such field.",
        }.get(one["type"], one["msg"].removeprefix("Value error, ") + ".")
        yield Fault(".".join([place, *parts] if place else parts), message)


def _together(data: Mapping[str, Any], stages: list[Stage], names: list[str], known: Known) -> Iterator[Fault]:
    """Whether its parts agree. Only of stages that are well formed each."""
    for name in sorted({one for one in names if names.count(one) > 1}):
        yield Fault(f"stages.{name}", "Two stages have this name.")
    # What a stage that is not well formed needs is not known.
    needs = Definition.model_construct(name="", stages=tuple(stages)).needs()
    outputs = {one.name: {output.name for output in one.outputs} for one in stages}
    given = _inputs(data)
    for stage in stages:
        place = f"stages.{stage.name}"
        before = upstream(needs, stage.name)
        yield from _needs(stage, place, needs, names, before)
        yield from _roles(stage, place, known)
        for one in stage.inputs:
            sources = [name for name in before if one in outputs.get(name, ())]
            if not sources and (given is None or one not in given):
                yield Fault(
                    f"{place}.inputs",
                    f"Nothing gives the input '{one}': no stage that it waits for has it among its outputs, "
                    "and it is no input of the workflow.",
                )
        yield from _condition(stage, place, names, before, given)
        yield from _approval(stage, place)
        yield from _task(stage, place, known)


def _inputs(data: Mapping[str, Any]) -> set[str] | None:
    """Names of what a run is given; None: it says nothing of them."""
    found = data.get("inputs")
    return {str(one) for one in found} if isinstance(found, list | tuple | Mapping) else None


def _needs(
    stage: Stage, place: str, needs: Mapping[str, tuple[str, ...]], names: list[str], before: set[str]
) -> Iterator[Fault]:
    for one in stage.needs or ():
        if one == stage.name:
            yield Fault(f"{place}.needs", "The stage needs itself.")
        elif one not in names:
            yield Fault(f"{place}.needs", f"There is no stage '{one}'.")
    if stage.name in before and stage.name not in needs[stage.name]:
        ring = sorted(one for one in before if stage.name in upstream(dict(needs), one))
        yield Fault(f"{place}.needs", f"It waits for itself in a ring of stages: {', '.join(ring)}.")


def _roles(stage: Stage, place: str, known: Known) -> Iterator[Fault]:
    if stage.role is not None and stage.agents:
        yield Fault(place, "It has a role or agents, not both.")
    if not stage.roles and stage.approval is None:
        yield Fault(place, "It has a role, agents or a task, or it asks for an approval.")
    undo = stage.compensate.agents if stage.compensate is not None else ()
    for field, roles in (("agents" if stage.agents else "role", stage.roles), ("compensate", undo)):
        for one in dict.fromkeys(roles):
            if one is not None and one not in known.roles:
                yield Fault(f"{place}.{field}", f"There is no role '{one}'. The roles are: {', '.join(known.roles)}.")
    if stage.max_parallel is not None and not stage.parallel:
        yield Fault(f"{place}.max_parallel", "It says how many at once of a stage that is not parallel.")


def _condition(stage: Stage, place: str, names: list[str], before: set[str], given: set[str] | None) -> Iterator[Fault]:
    if not stage.when:
        return
    place = f"{place}.when"
    try:
        condition = parse(stage.when)
    except BadInputError as error:
        yield Fault(place, error.message)
        return
    for path in condition.names:
        name = ".".join(path)
        if path[0] == "inputs" and len(path) > 1:
            if given is not None and path[1] not in given:
                yield Fault(place, f"The workflow has no input '{path[1]}'.")
        elif path[0] == "stages" and len(path) == 3:
            if path[1] not in names:
                yield Fault(place, f"There is no stage '{path[1]}'.")
            elif path[1] not in before:
                yield Fault(place, f"It asks about '{path[1]}', for which it does not wait: name it in needs.")
            elif path[2] not in STAGE_FACTS:
                yield Fault(place, f"A stage has no '{path[2]}'. There are: {', '.join(STAGE_FACTS)}.")
        else:
            yield Fault(place, f"'{name}' is unknown: there are inputs.NAME and stages.NAME.outcome.")


def _approval(stage: Stage, place: str) -> Iterator[Fault]:
    if stage.approval is None:
        return
    members = [one.value for one in MemberRole]
    for one in stage.approval.roles:
        if one not in members:
            yield Fault(
                f"{place}.approval.roles",
                f"'{one}' is no role of people: {', '.join(members)}. An agent never approves.",
            )
    if stage.approval.on_timeout == "escalate" and stage.approval.timeout_s is None:
        yield Fault(f"{place}.approval.on_timeout", "Nothing is escalated without a timeout_s.")


def _task(stage: Stage, place: str, known: Known) -> Iterator[Fault]:
    undo = stage.compensate
    cards = [("task", stage.task, stage.roles), *([("compensate.task", undo.task, undo.agents)] if undo else [])]
    for field, task, roles in cards:
        where = f"{place}.{field}"
        filled = {"project_id": "project", "title": "Title", **task}
        try:
            command = SubmitTask.model_validate(filled)
        except ValidationError as error:
            yield from _told(error, where)
            continue
        if command.role is not None and roles == (None,):
            roles = (command.role,)
            if command.role not in known.roles:
                yield Fault(f"{where}.role", f"There is no role '{command.role}'.")
        elif command.role is not None and set(roles) != {command.role}:
            yield Fault(f"{where}.role", "It differs from the stage's: leave it out.")
        if command.task_type is None:
            continue
        if command.task_type not in known.task_types:
            types = ", ".join(known.task_types)
            yield Fault(f"{where}.task_type", f"There is no task type '{command.task_type}'. There are: {types}.")
            continue
        for role in dict.fromkeys(roles):
            if role is not None and role in known.roles and not known.fits(role, command.task_type):
                yield Fault(f"{where}.task_type", f"The role {role} does no '{command.task_type}' work.")
