"""What was stored once can be read for ever. To regenerate: `python -m tests.golden.make` (see there)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import Field, JsonValue

from events import topics
from events.base import DomainEvent, _registry, event_class
from tests.golden import make
from tests.golden.examples import AT, EXAMPLES
from vapora.errors import CorruptLogError, UnknownTopicError
from vapora.log import mapper
from vapora.records import Encoded, StoredRecord

FILES = sorted(make.FOLDER.glob("*.json"))


def fault(golden: dict[str, Any]) -> str | None:
    """Why a stored event can no longer be trusted to today's classes; None: it can."""
    encoded = Encoded(golden["topic"], golden["version"], json.dumps(golden["data"]).encode())
    envelope = mapper.envelope(
        at=mapper.instant(AT), workspace="w", actor="a", correlation="c", causation=None, request_id="r"
    )
    record = StoredRecord(1, "s", 1, encoded.topic, mapper.seal(encoded, envelope))
    try:
        event = mapper.open_record(record).event
    except (UnknownTopicError, CorruptLogError) as error:
        return str(error)
    if golden["version"] < event.VERSION:
        return None
    if make.shape(type(event)) != golden["shape"]:
        return "its shape changed: raise VERSION, write an upcast and run tests.golden.make"
    if json.dumps(json.loads(mapper.encode(event).data)) != json.dumps(golden["data"]):
        return "it is stored in another form than before"
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
    ],
)
def test_a_changed_shape_without_a_new_version_is_found(
    members: dict[str, Any], annotations: dict[str, Any], says: str, golden: dict[str, Any], changed: Any
) -> None:
    changed(members, annotations)
    assert says in str(fault(golden))


def test_a_new_version_needs_an_upcast_that_works(golden: dict[str, Any], changed: Any) -> None:
    newer = {"VERSION": 2, "reason": "", "until": ""}
    annotations = AS_IT_IS | {"until": str, "VERSION": ClassVar[int]}
    changed(newer, annotations)
    assert "no upcast" in str(fault(golden))
    changed(newer | {"upcast": classmethod(lambda cls, version, data: data | {"till": ""})}, annotations)
    assert "till" in str(fault(golden))
    changed(newer | {"upcast": classmethod(lambda cls, version, data: data | {"until": ""})}, annotations)
    assert fault(golden) is None


def test_a_topic_that_was_taken_away_is_found(golden: dict[str, Any]) -> None:
    assert "unknown topic" in str(fault(golden | {"topic": "agent.paused"}))


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
