"""What was stored once can be read for ever. To regenerate: `python -m tests.golden.make` (see there)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from pydantic import Field, JsonValue, create_model

from events import topics
from events.base import DomainEvent, Value, _registry, event_class
from tests.golden import make
from tests.golden.examples import EXAMPLES
from vapora.errors import CorruptLogError, NewerEventError
from vapora.log import mapper

FILES = sorted(make.FOLDER.glob("*.json"))


def fault(golden: dict[str, Any], folder: Path = make.FOLDER) -> str | None:
    """Why a stored event can no longer be trusted to today's classes; None: it can."""
    try:
        event = make.opened(golden)
    except (NewerEventError, CorruptLogError) as error:
        return str(error)
    if golden["version"] < event.VERSION:
        kept = make.upcast_path(golden["topic"], golden["version"], folder)
        if not kept.is_file():
            return "what it reads as today is not kept: run tests.golden.make"
        if json.loads(kept.read_text(encoding="utf-8")) != make.reads_as(golden):
            return "it reads otherwise than before: an upcast must not change its mind about the past"
        return None
    if make.shape(type(event)) != golden["shape"]:
        return "its shape changed: raise VERSION, write an upcast and run tests.golden.make"
    if otherwise := members_fault(make.members(type(event)), golden["members"]):
        return otherwise
    if json.dumps(json.loads(mapper.encode(event).data)) != json.dumps(golden["data"]):
        return "it is stored in another form than before"
    return None


def members_fault(today: dict[str, list[str]], kept: dict[str, list[str]]) -> str | None:
    """What became of the closed sets of an event since its golden file was written."""
    for place in sorted({*today, *kept}):
        if place not in kept:
            return f"{place} was any text and is a closed set: raise VERSION and write an upcast"
        if lost := set(kept[place]) - set(today.get(place, kept[place])):
            return f"{place} lost {', '.join(sorted(lost))}: what is stored could not be read any more"
        if today.get(place) != kept[place]:
            more = ", ".join(sorted(set(today.get(place, ())) - set(kept[place]))) or "any text"
            return (
                f"{place} takes {more} as well: raise VERSION, or say with tests.golden.make --members that it is meant"
            )
    return None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_golden_event_still_reads_as_it_was_written(path: Path) -> None:
    golden = json.loads(path.read_text(encoding="utf-8"))
    assert path == make.path_of(golden["topic"], golden["version"])
    assert fault(golden) is None


def test_every_version_of_every_topic_has_a_golden_file() -> None:
    wanted = {
        make.path_of(topic, version) for topic, kind in topics().items() for version in range(1, kind.VERSION + 1)
    }
    assert wanted - set(FILES) == set(), "run: python -m tests.golden.make"


def test_every_topic_has_one_example() -> None:
    assert sorted(event.TOPIC for event in EXAMPLES) == sorted(topics())


@pytest.fixture
def golden() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(make.path_of("agent.disabled", 1).read_text(encoding="utf-8"))
    return read


@pytest.fixture
def changed(request: pytest.FixtureRequest) -> Any:
    """Puts another shape in the place of `AgentDisabled` for the length of a test."""
    today = event_class("agent.disabled")
    assert today is not None

    def change(members: dict[str, Any], annotations: dict[str, Any]) -> None:
        namespace = {"TOPIC": "agent.disabled", **members, "__annotations__": {"TOPIC": ClassVar[str], **annotations}}
        type("AgentDisabled", (DomainEvent,), {"__module__": __name__, **namespace})

    yield change
    _registry["agent.disabled"] = today


AS_IT_IS: dict[str, Any] = {"agent_id": str, "reason": str}


def test_an_event_that_stays_as_it_is_passes(golden: dict[str, Any], changed: Any) -> None:
    changed({"reason": "", "__doc__": "Another text for people."}, AS_IT_IS)
    assert fault(golden) is None
    changed({"reason": "a new default"}, AS_IT_IS)
    assert fault(golden) is None


@pytest.mark.parametrize(
    ("members", "annotations", "says"),
    [
        ({"reason": ""}, AS_IT_IS | {"until": str}, "until"),
        ({"reason": "", "until": ""}, AS_IT_IS | {"until": str}, "its shape changed"),
        ({}, {"agent_id": str}, "reason"),
        ({"reason": ""}, {"agent": str, "reason": str}, "agent_id"),
        ({"reason": ""}, {"agent_id": int, "reason": str}, "agent_id"),
        ({"reason": ""}, {"agent_id": str, "reason": str | None}, "its shape changed"),
        ({"reason": Field(default="", max_length=500)}, AS_IT_IS, "its shape changed"),
        ({"reason": ""}, {"agent_id": JsonValue, "reason": str}, "its shape changed"),
        ({"reason": ""}, {"agent_id": str, "reason": Literal["", "on holiday"]}, "is a closed set"),
    ],
)
def test_a_changed_shape_without_a_new_version_is_found(
    members: dict[str, Any], annotations: dict[str, Any], says: str, golden: dict[str, Any], changed: Any
) -> None:
    changed(members, annotations)
    assert says in str(fault(golden))


def test_a_new_version_needs_an_upcast_that_works(golden: dict[str, Any], changed: Any, tmp_path: Path) -> None:
    newer = {"VERSION": 2, "reason": "", "until": ""}
    annotations = AS_IT_IS | {"until": str, "VERSION": ClassVar[int]}
    changed(newer, annotations)
    assert "no upcast" in str(fault(golden))
    changed(newer | {"upcast": classmethod(lambda cls, version, data: data | {"till": ""})}, annotations)
    assert "till" in str(fault(golden))
    changed(newer | {"upcast": classmethod(lambda cls, version, data: data | {"until": ""})}, annotations)
    assert "not kept" in str(fault(golden, tmp_path))
    shutil.copy(make.path_of("agent.disabled", 1), tmp_path)
    make.main([], tmp_path, lambda _: None)
    assert fault(golden, tmp_path) is None
    changed(newer | {"upcast": classmethod(lambda cls, version, data: data | {"until": "x"})}, annotations)
    assert "reads otherwise" in str(fault(golden, tmp_path))


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Wider(StrEnum):
    RED = "red"
    BLUE = "blue"
    GREEN = "green"


class Narrower(StrEnum):
    RED = "red"


Part, WiderPart = (create_model("Part", __base__=Value, colour=colours) for colours in (Colour, Wider))


@pytest.mark.parametrize(
    ("colours", "says"),
    [
        ({"agent_id": Wider, "reason": Literal["x", "y"], "part": Part}, "agent_id takes green as well"),
        ({"agent_id": Colour, "reason": Literal["x", "y", "z"], "part": Part}, "reason takes z as well"),
        ({"agent_id": Colour, "reason": Literal["x", "y"], "part": WiderPart}, "part.colour takes green as well"),
        ({"agent_id": str, "reason": Literal["x", "y"], "part": Part}, "agent_id takes any text as well"),
        ({"agent_id": Narrower, "reason": Literal["x", "y"], "part": Part}, "agent_id lost blue"),
        ({"agent_id": Colour, "reason": Literal["x"], "part": Part}, "reason lost y"),
    ],
)
def test_a_closed_set_that_changes_without_a_new_version_has_to_be_meant(
    colours: dict[str, Any], says: str, changed: Any
) -> None:
    changed({}, {"agent_id": Colour, "reason": Literal["x", "y"], "part": Part})
    kind = event_class("agent.disabled")
    assert kind is not None
    kept = make.golden(kind.model_validate({"agent_id": "red", "reason": "x", "part": {"colour": "red"}}))
    assert kept["members"] == {"agent_id": ["blue", "red"], "part.colour": ["blue", "red"], "reason": ["x", "y"]}
    assert fault(kept) is None
    changed({}, colours)
    assert says in str(fault(kept))


def test_that_a_set_grew_is_said_with_a_word_of_its_own_and_only_that_is_taken_over(tmp_path: Path) -> None:
    make.main([], tmp_path, lambda _: None)
    path = make.path_of("task.waiting", event_class("task.waiting").VERSION, tmp_path)  # type: ignore[union-attr]
    golden = json.loads(path.read_text(encoding="utf-8"))
    before = {**golden, "members": {"reason": ["budget", "dependency"]}}
    path.write_text(json.dumps(before), encoding="utf-8")
    assert "reason takes" in str(fault(before, tmp_path))
    said: list[str] = []
    assert make.main([], tmp_path, said.append) == 0
    assert said == []
    assert make.main(["--members"], tmp_path, said.append) == 0
    assert said == [f"wrote {path.name}"]
    assert json.loads(path.read_text(encoding="utf-8")) == golden


def test_a_topic_that_was_taken_away_is_found(golden: dict[str, Any]) -> None:
    assert "is not known here" in str(fault(golden | {"topic": "agent.paused"}))


def test_golden_files_are_written_where_they_are_missing_and_overwritten_only_by_force(tmp_path: Path) -> None:
    said: list[str] = []
    assert make.main([], tmp_path, said.append) == 0
    assert len(said) == len(EXAMPLES) == len(list(tmp_path.iterdir()))
    path = make.path_of("agent.disabled", 1, tmp_path)
    path.write_text("{}", encoding="utf-8")
    assert make.main([], tmp_path, said.append) == 0
    assert path.read_text(encoding="utf-8") == "{}"
    assert make.main(["--force"], tmp_path, said.append) == 0
    assert said[len(EXAMPLES) :] == ["wrote agent.disabled.v1.json"]
    assert make.main(["--fore"], tmp_path, said.append) == 2


# --- three versions of one event, as a topic that lives long will have them ---

LIVED = Path(__file__).parent / "lived"


@pytest.fixture
def lived() -> Iterator[type[DomainEvent]]:
    """v1 {"title", "minutes"}; v2 calls the title a name; v3 counts seconds, and has tags."""

    class Lived(DomainEvent):
        TOPIC: ClassVar[str] = "test.lived"
        VERSION: ClassVar[int] = 3

        name: str
        seconds: int
        tags: tuple[str, ...] = ()

        @classmethod
        def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
            # One step after the other, so that each is written once and never again.
            if version < 2:
                data["name"] = data.pop("title")
            if version < 3:
                data["seconds"] = data.pop("minutes") * 60
            return data

    yield Lived
    del _registry["test.lived"]


@pytest.mark.parametrize("version", [1, 2, 3])
def test_every_version_of_a_topic_that_lived_long_still_reads(version: int, lived: type[DomainEvent]) -> None:
    golden = json.loads(make.path_of("test.lived", version, LIVED).read_text(encoding="utf-8"))
    assert fault(golden, LIVED) is None
    assert make.opened(golden) == lived.model_validate({"name": "Parser", "seconds": 120})
