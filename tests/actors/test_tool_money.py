"""The price of a tool: held before the call goes out, and closed by what came of it. What is told of a person's try."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue

from actors.budget_manager import BudgetManager
from actors.mcp_gateway.gateway import McpGateway
from actors.mcp_gateway.sessions import Sessions
from actors.mcp_gateway.spending import Spending
from actors.secrets import SecretReader
from events.budget import SpendReleased, SpendReserved, SpendSettled, SpendUnknown
from events.ids import run_stream
from events.run import ToolBegun
from events.tool_server import ToolTried
from tests.actors.kit import ORIGIN, WORKSPACE, everything, ledger_of, log_writer, of_kind
from tests.vault.bench import over_files
from vapora.clock import now
from vapora.commands import SetBudget
from vapora.dispatch.secrets import SecretEvents
from vapora.domain.ledger import open_reservations
from vapora.errors import UnavailableError
from vapora.log.client import LogClient
from vapora.mcp.values import NeverAskedError
from vapora.ports import ServedCall, ServedOutcome
from vapora.testing.soundness import money
from vapora.tools.servers import Caller, ServedTool
from vapora.tools.values import ToolResult

PRICE = 4_000
CANARY = "canary-of-the-arguments"


class Dear:
    """A server of one tool that has a price, and does what its argument says."""

    id, title, description = "dear", "Dear", "Costs money."

    def __init__(self) -> None:
        self.calls = Counter[str]()

    async def tools(self, workspace: str) -> tuple[ServedTool, ...]:
        return (ServedTool("do", "Does it.", {"type": "object"}, limit_s=0.2, cost_microusd=PRICE),)

    async def call(self, caller: Caller, tool: str, arguments: Mapping[str, JsonValue]) -> ToolResult:
        how = str(arguments.get("how", "well"))
        self.calls[how] += 1
        match how:
            case "hang":
                await asyncio.Event().wait()
            case "away":
                raise NeverAskedError("It is not there.")
            case "break":
                raise UnavailableError("It broke.")
            case _:
                await asyncio.sleep(0)
        return ToolResult(how == "well", f"done {how}")

    async def close(self) -> None: ...


class Shop:
    def __init__(self, log: LogClient, gateway: McpGateway, budget: BudgetManager, server: Dear) -> None:
        self.log, self.gateway, self.budget, self.server = log, gateway, budget, server

    async def call(
        self, call_id: str, how: str = "well", run_id: str = "t1.1", opens_at: int | None = None
    ) -> ServedOutcome:
        """`opens_at`: the version of its run at which its opening is to stand."""
        arguments: dict[str, Any] = {"how": how, "note": CANARY}
        of: dict[str, Any] = {}
        if run_id:
            of = {"run_id": run_id, "task_id": "t1", "project_id": "p", "role": "developer"}
        if opens_at is not None:
            begun = ToolBegun(run_id=run_id, task_id="t1", step=1, call=0, call_id=call_id, name="dear.do")
            of |= {"origin": ORIGIN, "opening": (run_stream(run_id), opens_at, (begun,))}
        return await self.gateway.call(ServedCall(WORKSPACE, "user:ann", call_id, "dear.do", arguments, **of))


@asynccontextmanager
async def shop(folder: Path, limit_cents: int) -> AsyncIterator[Shop]:
    async with log_writer(now) as writer:
        log, server = LogClient(writer, WORKSPACE), Dear()
        budget = BudgetManager(log, WORKSPACE, now, patience_s=0.05)
        await budget.start()
        await budget.set_budget(ORIGIN, "workspace", WORKSPACE, SetBudget(monthly_limit_cents=limit_cents))
        vault = over_files(folder)
        reader = SecretReader(vault, lambda _: SecretEvents(log, now), "mcp-gateway", now)
        sessions = Sessions(reader, lambda *at: folder.joinpath(*at), "bubblewrap")
        gateway = McpGateway(lambda _: log, sessions, {"dear": lambda: server}, Spending(lambda _: budget, now))
        await gateway.start()
        yield Shop(log, gateway, budget, server)
        await gateway.stop()
        await budget.stop()
        assert not open_reservations(await ledger_of(log))
        assert money(await everything(log), WORKSPACE) == []


@pytest.mark.parametrize(("limit_cents", "fit"), [(0, 0), (1, 2), (4, 10)])
async def test_calls_at_once_pass_no_limit_together(tmp_path: Path, limit_cents: int, fit: int) -> None:
    async with shop(tmp_path, limit_cents) as there:
        found = await asyncio.gather(*(there.call(f"t1.1/{number}.0") for number in range(25)))
        assert Counter(one.ok for one in found) == Counter({True: fit, False: 25 - fit})
        # Who was refused has called nothing, and paid nothing.
        assert there.server.calls["well"] == fit
        assert {(one.ok, one.cost_microusd) for one in found} <= {(True, PRICE), (False, 0)}
        assert all("has no room" in one.text for one in found if not one.ok)
        settled = await of_kind(there.log, SpendSettled)
        assert [(one.cost_microusd, one.charge.tool, one.charge.project_id) for one in settled] == [
            (PRICE, "dear.do", "p")
        ] * fit


async def test_what_came_of_a_call_closes_its_price(tmp_path: Path) -> None:
    async with shop(tmp_path, 10) as there:
        hows = ("well", "badly", "away", "break", "hang")
        found = {how: await there.call(f"t1.1/{how}", how) for how in hows}
        assert {how: one.cost_microusd for how, one in found.items()} == {
            "well": PRICE, "badly": PRICE, "away": 0, "break": PRICE, "hang": PRICE,
        }  # fmt: skip
        assert [one.call_id for one in await of_kind(there.log, SpendSettled)] == ["t1.1/well", "t1.1/badly"]
        assert [one.call_id for one in await of_kind(there.log, SpendReleased)] == ["t1.1/away"]
        assert [one.call_id for one in await of_kind(there.log, SpendUnknown)] == ["t1.1/break", "t1.1/hang"]
        # The same call again is the same one, and paid once.
        assert await there.call("t1.1/well") == found["well"]
        assert len(await of_kind(there.log, SpendSettled)) == 2


async def test_a_call_waits_for_money_and_opens_together_with_what_is_held_for_it(tmp_path: Path) -> None:
    async with shop(tmp_path, 0) as there:
        lacking = await there.call("t1.1/1.0", opens_at=0)
        assert lacking.no_money is not None
        assert (lacking.opened, lacking.no_money.contended, "workspace" in lacking.no_money.remedy) == (
            False,
            False,
            True,
        )
        assert lacking.no_money.until is not None and lacking.no_money.until > now()
        assert await of_kind(there.log, ToolBegun) == []
        await there.budget.set_budget(ORIGIN, "workspace", WORKSPACE, SetBudget(monthly_limit_cents=1))
        # The same call again, since nothing went out; and once it has, it is the same one.
        done = await there.call("t1.1/1.0", opens_at=0)
        assert (done.ok, done.opened, done.cost_microusd, done.no_money) == (True, True, PRICE, None)
        assert await there.call("t1.1/1.0", opens_at=0) == done
        told = await everything(there.log)
        [opened] = [one for one in told if isinstance(one.event, ToolBegun)]
        [held] = [one for one in told if isinstance(one.event, SpendReserved)]
        assert abs(opened.position - held.position) == 1
        # A run that went on without the call, which then does not go out, and holds nothing.
        with pytest.raises(UnavailableError, match="gone on"):
            await there.call("t1.1/2.0", opens_at=7)
        assert there.server.calls["well"] == 1
        assert len(await of_kind(there.log, SpendReserved)) == 1


async def test_a_persons_try_is_told_once_without_what_was_said(tmp_path: Path) -> None:
    async with shop(tmp_path, 10) as there:
        await asyncio.gather(*(there.call("call-1", run_id="") for _ in range(3)))
        await there.call("t1.1/1.0")
        [tried] = [one for one in await everything(there.log) if isinstance(one.event, ToolTried)]
        event = tried.event
        assert isinstance(event, ToolTried)
        assert (tried.actor, event.tool, event.ok, event.cost_microusd) == ("user:ann", "dear.do", True, PRICE)
        assert event.result_bytes == len("done well")
        assert CANARY not in json.dumps(event.model_dump(mode="json"))
        assert CANARY not in "".join(str(one.event) for one in await everything(there.log))
