"""What probes ask: whether a server answers, and whether Serve is to start a replica again."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.doors import API, Door
from tests.api.test_refusals import check_problem
from vapora.api.app import create_app
from vapora.api.reach import PATIENCE_S, Reach
from vapora.errors import FencedError, HeldElsewhereError, NoAnswerError, UnavailableError, VaporaError
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
