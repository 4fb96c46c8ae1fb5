"""`vapora queue`, and what the doctor says of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.queue.nats_server import NatsServer
from vapora.cli.queue import _drawn
from vapora.views import DeadLetterView, QueueView

Run = Callable[..., Any]
SECRET = "c0rrect-horse-battery"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    made = NatsServer(tmp_path / "nats", authorization={"user": "vapora", "password": SECRET})
    asyncio.run(made.start())
    yield made
    asyncio.run(made.kill())


def drawn(**given: Any) -> str:
    fields = {"kind": "nats", "connected": True, "problem": None, "depth": {}, "waiting": 0, "dead_letters": ()}
    console = Console(width=80)
    with console.capture() as captured:
        console.print(_drawn(QueueView.model_validate(fields | given)))
    return captured.get()


def test_the_queue_is_shown(vapora: Run) -> None:
    said = vapora("queue", "--json")
    assert said.code == 0
    assert (said.json["kind"], said.json["connected"], said.json["dead_letters"]) == ("log", True, [])
    assert "the log itself" in vapora("queue", "show").out


def test_what_waits_and_what_is_dead_stand_in_tables() -> None:
    letter = DeadLetterView(id="task-7", subject="tasks.unit-test.high", deliveries=5, position=9)
    shown = drawn(depth={"tasks.unit-test.low": 12}, waiting=12, dead_letters=(letter,))
    assert "12 waiting; the queue is NATS." in shown
    assert "tasks.unit-test.low" in shown
    assert "task-7" in shown and "vapora queue requeue" in shown


def test_a_queue_that_is_away_says_why() -> None:
    shown = drawn(connected=False, problem="NATS at h:4222 does not answer.")
    assert "does not answer" in shown and "goes on from" in shown
    shown = drawn(connected=False, problem="Away.", dead_letters_known=False)
    assert "not known" in shown
    letter = DeadLetterView(id="task-7", subject="tasks.unit-test.high", deliveries=5, position=9)
    shown = drawn(connected=False, problem="Away.", dead_letters_known=False, dead_letters=(letter,))
    assert "as seen last" in shown and "task-7" in shown and "not known" not in shown


def test_putting_back_what_is_no_dead_letter_fails(vapora: Run) -> None:
    said = vapora("queue", "requeue", "nobody")
    assert said.code == 1
    assert "no dead letter" in said.err


def test_the_doctor_tries_nats_and_never_shows_the_password(alone: Run, tmp_path: Path, server: NatsServer) -> None:
    environ = {"VAPORA_NATS_URL": server.url, "VAPORA_NATS_USER": "vapora"}
    for password, state, detail in (
        (SECRET, "good", "with JetStream"),
        (f"{SECRET}-not", "warn", "refused the sign-in"),
    ):
        said = alone("doctor", "--data", str(tmp_path), "--json", **environ, VAPORA_NATS_PASSWORD=password)
        [found] = [one for one in said.json["checks"] if one["check"] == "queue"]
        assert found["state"] == state
        assert detail in found["detail"]
        assert SECRET not in said.out + said.err


def test_the_doctor_fails_where_nats_can_never_work(alone: Run, tmp_path: Path) -> None:
    url = f"nats://vapora:{SECRET}@127.0.0.1:4222"
    said = alone("doctor", "--data", str(tmp_path), "--json", VAPORA_NATS_URL=url)
    assert said.code == 1
    assert "holds credentials" in said.out
    assert SECRET not in said.out + said.err


def test_up_does_not_start_where_nats_can_never_work(alone: Run, tmp_path: Path, port: int) -> None:
    url = f"nats://vapora:{SECRET}@127.0.0.1:4222"
    said = alone("up", "--data", str(tmp_path / "data"), "--port", str(port), VAPORA_NATS_URL=url)
    assert said.code == 2
    assert "VAPORA_NATS_USER" in said.err
    assert SECRET not in said.out + said.err
    assert not (tmp_path / "data").exists()
