"""What probes ask: whether a server answers, and whether Serve is to start a replica again."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from actors.runtime.local import ClosedError
from tests.api.doors import API, Door
from tests.api.test_refusals import check_problem
from vapora.api.app import create_app
from vapora.api.reach import PATIENCE_S, Reach
from vapora.errors import (
    ConfigurationError,
    FencedError,
    HeldElsewhereError,
    LogError,
    NoAnswerError,
    StoppingError,
    UnavailableError,
    VaporaError,
)
from vapora.ports import Standing
from vapora.settings import Settings


class Untouchable:
    """An actor system of which nothing may be asked."""

    def __getattr__(self, name: str) -> Any:
        if name == "built_in_tool_servers":
            return lambda: ()

        async def touched(*_: Any) -> Any:
            raise AssertionError(f"{name} was asked")

        class Ref:
            def __getattr__(self, method: str) -> Any:
                return touched

        return lambda *_: Ref()


@pytest.mark.parametrize("host", ["localhost", "10.1.2.3:8000", "vapora.example.com"])
async def test_a_server_that_answers_says_so_to_anybody_and_asks_nobody(settings: Settings, host: str) -> None:
    closed = settings.model_copy(update={"auth": "required"})
    app = create_app(Untouchable(), closed, version="1.2.3", rehearsal=True)
    transport = httpx.ASGITransport(app, client=("10.9.8.7", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        answer = await http.get("/healthz", headers={"Host": host})
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "version": "1.2.3"})


@pytest.mark.parametrize("peer", ["10.9.8.7", "fe80::1", "somebody"])
async def test_without_sign_in_who_comes_from_elsewhere_cannot_call_themselves_this_machine(
    door: Door, peer: str
) -> None:
    transport = httpx.ASGITransport(door.http._transport.app, client=(peer, 1))  # type: ignore[attr-defined]
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as http:
        check_problem(await http.get(f"{API}/projects"), 403, "foreign-origin")
        check_problem(await http.post(f"{API}/projects", json={"name": "x"}), 403, "foreign-origin")


class Starting:
    """An actor system in which whatever is asked meets this error."""

    def __init__(self, error: VaporaError) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        if name == "built_in_tool_servers":
            return lambda: ()

        async def fails(*_: Any, **__: Any) -> Any:
            raise self._error

        class Ref:
            def __getattr__(self, method: str) -> Any:
                return fails

        return fails if name in ("open", "standing", "create") else lambda *_: Ref()


_NOT_READY = [
    NoAnswerError("log/default does not answer"),
    StoppingError("log/default was ended while it started"),
    ClosedError("everything is shutting down"),
    HeldElsewhereError("another one serves it", retry_after_s=2),
    FencedError("another writer has taken over"),
    LogError("the log cannot be opened"),
    UnavailableError("the database is starting up"),
    ConfigurationError("VAPORA_AUDIT_KEY names a file that is not on this one: /run/secrets/audit_key"),
]


@pytest.mark.parametrize("error", _NOT_READY, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("auth", ["auto", "required"])
async def test_what_is_not_ready_is_said_as_503_and_when_to_ask_again(
    settings: Settings, error: VaporaError, auth: str
) -> None:
    """Right after a start, say: whichever part is not there yet, a write was not done, and may be sent again."""
    system: Any = Starting(error)
    app = create_app(system, settings.model_copy(update={"auth": auth}), version="1", rehearsal=True)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
        asked = [
            await http.post(f"{API}/projects", json={"name": "x"}, headers={"Authorization": "Bearer vat_x"}),
            await http.post(f"{API}/auth/login", json={"email": "ada@example.com", "password": "long enough a word"}),
            await http.get(f"{API}/projects", headers={"Authorization": "Bearer vat_x"}),
        ]
    for answer in asked:
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["Retry-After"]) > 0
        assert "/run/secrets" not in answer.text


class Log:
    def __init__(self, error: VaporaError | None) -> None:
        self._error = error

    async def head(self) -> int:
        if self._error is not None:
            raise self._error
        return 7


class Answering:
    """The part of an actor system that a replica's health is about."""

    def __init__(self, known: str = "awake", error: VaporaError | None = None, of_log: VaporaError | None = None):
        self.known, self.error, self.of_log, self.logs = known, error, of_log, 0

    async def standing(self, workspace: str = "") -> tuple[str, Standing]:
        if self.error is not None:
            raise self.error
        return self.known, Standing()

    def log(self, workspace: str) -> Log:
        self.logs += 1
        return Log(self.of_log)


@pytest.mark.parametrize("of_log", [None, FencedError("fenced"), HeldElsewhereError("held"), UnavailableError("away")])
async def test_a_replica_that_gets_an_answer_is_well_whatever_it_is(of_log: VaporaError | None) -> None:
    clock = [0.0]
    reach = Reach(Answering(of_log=of_log), clock=lambda: clock[0])  # type: ignore[arg-type]
    clock[0] = PATIENCE_S * 10
    await reach.check()


async def test_a_replica_that_gets_none_is_given_time_and_then_given_up() -> None:
    clock = [0.0]
    system = Answering(error=NoAnswerError("supervisor does not answer"))
    reach = Reach(system, clock=lambda: clock[0])  # type: ignore[arg-type]
    clock[0] = PATIENCE_S - 1
    await reach.check()
    clock[0] = PATIENCE_S
    with pytest.raises(UnavailableError, match="has not reached the log for 30 s"):
        await reach.check()
    system.error = None
    await reach.check()
    system.error = NoAnswerError("again")
    clock[0] += PATIENCE_S - 1
    await reach.check()


@pytest.mark.parametrize("known", ["asleep", "unknown", "elsewhere"])
async def test_a_cell_that_is_not_open_is_not_opened_by_being_asked_how_a_replica_is(known: str) -> None:
    system = Answering(known)
    await Reach(system).check()  # type: ignore[arg-type]
    assert system.logs == 0
