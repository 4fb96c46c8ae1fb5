from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from events.base import DomainEvent, Unknown, _registry
from events.budget import Charge, SpendReserved, Windows
from events.ids import Provider
from events.money import MicroUsd
from events.routing import ProviderSelected
from events.run import ModelCalled, RunStarted
from events.task import TaskApproved, TaskWaiting
from tests.golden import make
from vapora.errors import BadInputError, CorruptLogError, NewerEventError
from vapora.log import mapper
from vapora.records import Encoded, StoredRecord

AT = datetime(2026, 11, 22, 12, 0, 0, 5, tzinfo=UTC)
RESERVED = SpendReserved(
    call_id="call-1",
    attempt=1,
    charge=Charge(project_id="p", task_id="t", run_id="r", agent_id="a", role="developer", task_type="coding"),
    provider=Provider.OLLAMA,
    model="llama",
    amount_microusd=MicroUsd(5),
    windows=Windows(month="2026-11", week="2026-W47"),
    expires_at=AT,
)


def record(event: Encoded, position: int = 7, at: datetime = AT) -> StoredRecord:
    envelope = mapper.envelope(
        at=mapper.instant(at), workspace="acme", actor="anna", correlation="cor", causation=3, request_id="req-1"
    )
    return StoredRecord(position, "s", 2, event.topic, mapper.seal(event, envelope))


def test_a_stored_state_is_one_json_object_with_the_event_under_data() -> None:
    assert json.loads(record(mapper.encode(TaskApproved(task_id="t"))).state) == {
        "v": TaskApproved.VERSION,
        "at": "2026-11-22T12:00:00.000005+00:00",
        "ws": "acme",
        "by": "anna",
        "cor": "cor",
        "cau": 3,
        "req": "req-1",
        "data": {"task_id": "t", "run_id": None, "comment": "", "head": None, "by_agent": None},
    }


@pytest.mark.parametrize(
    "event",
    [
        RESERVED,
        RunStarted(
            run_id="r", task_id="t", project_id="p", agent_id="a", role="x", task_type="y", steps=("plan", "write")
        ),
        TaskApproved(task_id="t", comment='ü "},"data":{ \n\u2028 \U0001f600'),
    ],
)
def test_an_event_comes_back_as_it_went_in_with_its_enums_tuples_and_instants(event: DomainEvent) -> None:
    opened = mapper.open_record(record(mapper.encode(event)))
    assert opened.event == event
    assert type(opened.event) is type(event)
    # Strict: a string where an enum belongs, or a list for a tuple, would not pass.
    assert type(event).model_validate(opened.event.model_dump(), strict=True) == event


@given(st.text(), st.text(), st.text(), st.text(), st.none() | st.integers(1))
def test_whatever_an_envelope_holds_comes_back(
    workspace: str, actor: str, correlation: str, request_id: str, causation: int | None
) -> None:
    envelope = mapper.envelope(mapper.instant(AT), workspace, actor, correlation, causation, request_id)
    event = mapper.encode(TaskApproved(task_id="t"))
    stored = StoredRecord(7, "s", 2, event.topic, mapper.seal(event, envelope))
    found = mapper.open_record(stored)
    assert (found.workspace, found.actor, found.correlation) == (workspace, actor, correlation)
    assert (found.causation, found.request_id) == (causation, request_id)
    assert mapper.request_id(stored) == request_id


def test_instants_are_stored_in_utc() -> None:
    berlin = AT.astimezone(timezone(timedelta(hours=1)))
    opened = mapper.open_record(record(mapper.encode(TaskApproved(task_id="t")), at=berlin))
    assert (opened.recorded_at, opened.recorded_at.tzinfo) == (AT, UTC)


def test_an_unknown_topic_is_named_with_its_position() -> None:
    with pytest.raises(NewerEventError, match=r"Position 7.*'task\.teleported'") as caught:
        mapper.open_record(record(Encoded("task.teleported", 1, b"{}")))
    assert caught.value.details["position"] == 7


def test_an_event_of_a_newer_version_is_not_guessed_at() -> None:
    with pytest.raises(NewerEventError, match="in version 9"):
        mapper.open_record(record(Encoded("task.approved", 9, b'{"task_id":"t"}')))


WAITING = b'{"task_id":"t","reason":%b,"remedy":"Wait."}'
CALLED = json.loads(make.path_of("run.model-called", ModelCalled.VERSION).read_text(encoding="utf-8"))["data"]
SELECTED = json.loads(make.path_of("routing.provider-selected", 1).read_text(encoding="utf-8"))["data"]
NEW_PROVIDER = {**SELECTED["candidates"][0], "provider": "mistral"}
GREW = [
    (TaskWaiting, WAITING % b'"full-moon"', "task.waiting with reason 'full-moon'"),
    (ModelCalled, to_json({**CALLED, "finish": "paused"}), "finish 'paused'"),
    (ModelCalled, to_json({**CALLED, "finish": "x" * 99}), f"finish '{'x' * 40}',"),
    (ProviderSelected, to_json({**SELECTED, "candidates": [NEW_PROVIDER]}), "candidates.0.provider 'mistral'"),
    (
        ProviderSelected,
        to_json({**SELECTED, "provider": "mistral", "tier": "dire"}),
        "provider 'mistral' and tier 'dire'",
    ),
]


@pytest.mark.parametrize(("kind", "data", "says"), GREW, ids=[one[2][:30] for one in GREW])
def test_a_member_that_a_newer_version_has_is_no_damage(kind: type[DomainEvent], data: bytes, says: str) -> None:
    stored = record(Encoded(kind.TOPIC, kind.VERSION, data))
    with pytest.raises(NewerEventError, match="Position 7 was written by a newer VAPORA") as caught:
        mapper.open_record(stored)
    assert says in caught.value.message
    assert "Upgrade" in caught.value.remedy
    assert "backup" not in str(caught.value)
    stand_in = mapper.LazyRecord(stored).open()
    assert isinstance(stand_in.event, Unknown)
    assert (stand_in.topic, stand_in.actor, stand_in.event.as_json()) == (kind.TOPIC, "anna", json.loads(data))


def test_a_member_that_an_old_version_cannot_have_had_is_told_with_the_words_that_were_stored() -> None:
    data = WAITING % b'"full-moon"'
    stand_in = mapper.open_record(record(Encoded("task.waiting", 1, data)), lenient=True).event
    assert isinstance(stand_in, Unknown)
    assert (stand_in.of_version, stand_in.as_json()) == (1, json.loads(data))


@pytest.mark.parametrize("reason", [b"5", b"null", b'["budget"]', b'"full-moon","more":1'])
def test_what_no_set_could_grow_to_is_damage(reason: bytes) -> None:
    with pytest.raises(CorruptLogError, match="Position 7"):
        mapper.open_record(record(Encoded("task.waiting", TaskWaiting.VERSION, WAITING % reason)), lenient=True)


@pytest.mark.parametrize(
    "state",
    [
        b"",
        b"\x00\xff",
        b"{}",
        b"[1]",
        b'{"v":1,"data":{"task_id":"t"}}',
        b'{"v":1,"at":"x","ws":"","by":"","cor":"","cau":null,"req":"","data":{"task_id":"t"}}',
        record(Encoded("task.approved", 1, b'{"task_id":')).state,
        record(Encoded("task.approved", 1, b'{"task_id":"t","more":1}')).state,
        record(Encoded("task.approved", 1, b'{"task_id":"t"}')).state[:-3],
        b'{"v":"1","at":"2026-11-22T12:00:00+00:00","ws":"","by":"","cor":"","cau":null,"req":"","data":{"task_id":"t"}}',
        record(Encoded("task.approved", 0, b'{"task_id":"t"}')).state,
    ],
)
def test_a_broken_state_is_named_with_its_position(state: bytes) -> None:
    with pytest.raises(CorruptLogError, match="Position 7") as caught:
        mapper.open_record(StoredRecord(7, "s", 1, "task.approved", state))
    assert caught.value.details["position"] == 7


def test_an_older_shape_is_brought_into_todays() -> None:
    class Renamed(DomainEvent):
        TOPIC: ClassVar[str] = "test.renamed"
        VERSION: ClassVar[int] = 3

        name: str
        tags: tuple[str, ...]

        @classmethod
        def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
            if version < 2:
                data["name"] = data.pop("title")
            return data | {"tags": ["old", str(version)]}

    try:
        opened = mapper.open_record(record(Encoded("test.renamed", 1, b'{"title":"x"}')))
        assert opened.event == Renamed(name="x", tags=("old", "1"))
    finally:
        del _registry["test.renamed"]


def test_an_event_that_json_cannot_hold_is_refused_before_it_is_stored() -> None:
    event = TaskApproved.model_construct(task_id="t", run_id=None, comment="\ud800")
    with pytest.raises(BadInputError, match=r"task\.approved cannot be stored"):
        mapper.encode(event)
