"""Keys that workspaces brought: taken in place of the installation's, without a restart, each apart from the others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from actors.budget_manager import BudgetManager
from actors.llm_router import LLMRouter, OwnKeys
from actors.log_writer import LogWriter
from actors.messages import Answered, Call, NoProvider, Unanswerable
from actors.secrets import SecretReader
from events.content import Content
from events.ids import Provider, run_stream, secret_stream
from events.run import ModelCalled
from events.secret import SecretUsed
from tests.actors.kit import MovableClock, charge
from tests.vault.bench import OTHERS, OURS, embedded, secret
from vapora.dispatch.secrets import SecretEvents
from vapora.domain.pricing import PriceBook
from vapora.domain.routing import Routing
from vapora.errors import UnavailableError
from vapora.llm import factory
from vapora.llm.catalogue import shipped
from vapora.llm.protocol import Message
from vapora.log.client import LogClient
from vapora.log.memory import MemoryLog
from vapora.ports import Origin
from vapora.testing import FakeVendors
from vapora.testing.wire.exchange import KEYS
from vapora.vault import Vault
from vapora.vault.tables import SqliteTables

ANTHROPIC, OPENAI = Provider.ANTHROPIC, Provider.OPENAI
WRONG = "sk-ant-wrong-1111111111111111"


@pytest.fixture(scope="module")
def running() -> Iterator[FakeVendors]:
    with FakeVendors() as fake:
        yield fake


@pytest.fixture
def vendors(running: FakeVendors) -> FakeVendors:
    running.reset()
    return running


class AwayVault:
    """A vault that can be taken away."""

    def __init__(self, vault: Vault) -> None:
        self.fresh_s = 0.0
        self.vault = vault
        self.away = False

    def __getattr__(self, name: str) -> Any:
        if self.away:
            raise UnavailableError("The vault is away.")
        return getattr(self.vault, name)


@dataclass
class Teams:
    """A router over two workspaces, each with a log and a budget of its own."""

    router: LLMRouter
    vault: AwayVault
    clock: MovableClock
    logs: dict[str, LogClient]

    def put(self, workspace: str, provider: str, key: str) -> None:
        self.vault.vault.put(workspace, f"{provider}-api-key", secret(key))

    async def call(self, workspace: str, number: int = 0, **fields: Any) -> Any:
        task = f"{workspace}{number}"
        run = f"{task}.1"
        values: dict[str, Any] = {
            "origin": Origin(workspace, "tester", f"cor-{workspace}"),
            "charge": charge(task=task),
            "call_id": f"{run}/0",
            "step": 0,
            "attempt": 1,
            "run_version": len(await self.logs[workspace].read(run_stream(run))),
            "routing": Routing("code-generation", "standard"),
            "system": "You write code.",
            "messages": (Message(role="user", text="Write it."),),
            "max_output_tokens": 500,
        }
        return await self.router.complete(Call(**{**values, **fields}))

    async def uses(self, workspace: str, name: str = "anthropic-api-key") -> list[SecretUsed]:
        found = await self.logs[workspace].read(secret_stream(name))
        return [one.event for one in found if isinstance(one.event, SecretUsed)]


def answered_by(outcome: Any) -> Provider:
    assert isinstance(outcome, Answered), outcome
    return outcome.answer.provider


@asynccontextmanager
async def teams(vendors: FakeVendors, tmp_path: Path, **environ: str) -> AsyncIterator[Teams]:
    """`environ`: the installation's own keys, beside the vendors' addresses."""
    known, clock = shipped(), MovableClock()
    addresses = {name: value for name, value in vendors.environ(ANTHROPIC, OPENAI).items() if name.endswith("_URL")}
    given = {**addresses, **environ}
    vault = AwayVault(embedded(SqliteTables(tmp_path / "vault.db"), tmp_path, OURS))
    async with AsyncExitStack() as stack:
        logs, money = {}, {}
        for workspace in ("red", "blue"):
            memory = MemoryLog(workspace, clock)
            writer = LogWriter(lambda memory=memory: memory)  # type: ignore[misc]
            await writer.start()
            stack.push_async_callback(writer.stop)
            logs[workspace] = LogClient(writer, workspace)
            money[workspace] = BudgetManager(logs[workspace], workspace, clock, patience_s=20)
            await money[workspace].start()
            stack.push_async_callback(money[workspace].stop)
        events = {workspace: SecretEvents(log, clock) for workspace, log in logs.items()}
        reader = SecretReader(vault, events.__getitem__, "llm-router", clock)
        router = LLMRouter(
            factory.clients(given, known=known),
            money=money.__getitem__,
            keep=lambda _, text: Content(text=text, size=len(text.encode())),
            clock=clock,
            catalogue=known,
            prices=PriceBook(),
            timeout_s=20,
            margin_s=60,
            keys=OwnKeys(
                reader,
                factory.switched_on_by_key(given, known),
                lambda provider, key: factory.client_with(given, provider, key, known),
            ),
            sleep=clock.sleep,
            chance=lambda: 0.0,
        )
        stack.push_async_callback(router.stop)
        yield Teams(router, vault, clock, logs)


async def test_a_workspaces_key_stands_in_for_the_installations(vendors: FakeVendors, tmp_path: Path) -> None:
    """The installation's is wrong, so whoever is answered was asked with the right one."""
    async with teams(vendors, tmp_path, ANTHROPIC_API_KEY=WRONG) as ours:
        ours.put("red", "anthropic", KEYS[ANTHROPIC])
        assert answered_by(await ours.call("red")) == ANTHROPIC
        assert isinstance(await ours.call("blue"), NoProvider)
        assert await ours.router.providers("red") == {"anthropic": "up"}
        assert await ours.router.providers("blue") == {"anthropic": "down: authentication"}
        assert answered_by(await ours.call("red", 1)) == ANTHROPIC


async def test_one_teams_bad_key_stops_nobody_else(vendors: FakeVendors, tmp_path: Path) -> None:
    async with teams(vendors, tmp_path, ANTHROPIC_API_KEY=KEYS[ANTHROPIC]) as ours:
        ours.put("red", "anthropic", WRONG)
        refused = await ours.call("red")
        assert isinstance(refused, NoProvider)
        assert WRONG not in refused.remedy
        assert answered_by(await ours.call("blue")) == ANTHROPIC
        assert await ours.router.providers("red") == {"anthropic": "down: authentication"}
        assert await ours.router.providers("blue") == {"anthropic": "up"}
        # What the vendor said of red's key does not stand on blue's cards, and blue's answer does not take it away.
        assert "claude" in (await ours.call("red", 1)).remedy


async def test_a_new_key_is_taken_with_the_next_call(vendors: FakeVendors, tmp_path: Path) -> None:
    """The pause of the bad one goes with it."""
    async with teams(vendors, tmp_path) as ours:
        ours.put("red", "anthropic", WRONG)
        assert isinstance(await ours.call("red"), NoProvider)
        ours.put("red", "anthropic", f" {KEYS[ANTHROPIC]}\n")
        assert answered_by(await ours.call("red", 1)) == ANTHROPIC
        ours.vault.vault.delete("red", "anthropic-api-key")
        assert await ours.router.is_simulated("red")
        assert answered_by(await ours.call("red", 2)) == ANTHROPIC  # rehearsed again
        [*_, last] = await ours.logs["red"].read(run_stream("red2.1"))
        assert isinstance(last.event, ModelCalled) and last.event.simulated


async def test_own_keys_for_one_provider_and_the_installations_for_others(vendors: FakeVendors, tmp_path: Path) -> None:
    async with teams(vendors, tmp_path, OPENAI_API_KEY=KEYS[OPENAI]) as ours:
        ours.put("red", "anthropic", KEYS[ANTHROPIC])
        assert answered_by(await ours.call("red")) == ANTHROPIC
        assert await ours.router.providers("red") == {"openai": "up", "anthropic": "up"}
        assert await ours.router.providers("blue") == {"openai": "up"}
        assert answered_by(await ours.call("blue")) == OPENAI
        barred = left_out(ANTHROPIC)
        assert answered_by(await ours.call("red", 1, excluded=barred)) == OPENAI


def left_out(provider: Provider) -> tuple[tuple[Provider, str, str], ...]:
    return tuple((provider, one.model, "not now") for one in shipped().models if one.provider == provider)


async def test_without_any_key_of_the_installation_a_workspace_with_its_own_rehearses_no_more(
    vendors: FakeVendors, tmp_path: Path
) -> None:
    async with teams(vendors, tmp_path) as ours:
        ours.put("red", "anthropic", KEYS[ANTHROPIC])
        assert not await ours.router.is_simulated("red")
        assert await ours.router.is_simulated("blue")
        outcome = await ours.call("red")
        assert answered_by(outcome) == ANTHROPIC and not outcome.answer.simulated
        rehearsed = await ours.call("blue")
        assert isinstance(rehearsed, Answered) and rehearsed.answer.simulated
        # No rehearsed answer stands in where the real provider is left out.
        assert isinstance(await ours.call("red", 1, excluded=left_out(ANTHROPIC)), Unanswerable)
    assert len(vendors.requests) == 1


async def test_each_use_of_a_key_is_recorded_once_and_again_after_an_hour(vendors: FakeVendors, tmp_path: Path) -> None:
    async with teams(vendors, tmp_path) as ours:
        ours.put("red", "anthropic", KEYS[ANTHROPIC])
        for number in range(3):
            await ours.call("red", number)
        [used] = await ours.uses("red")
        assert (used.version, used.purpose) == (1, "calls to models of anthropic")
        [recorded] = await ours.logs["red"].read(secret_stream("anthropic-api-key"))
        assert (recorded.actor, recorded.correlation) == ("llm-router", "cor-red")
        ours.clock.move(timedelta(hours=1, seconds=1).total_seconds())
        for number in (3, 4):
            await ours.call("red", number)
        assert [one.version for one in await ours.uses("red")] == [1, 1]
        ours.put("red", "anthropic", KEYS[ANTHROPIC])
        await ours.call("red", 5)
        assert [one.version for one in await ours.uses("red")] == [1, 1, 2]
        assert await ours.uses("blue") == []


async def test_while_the_vault_is_away_known_keys_go_on_and_unknown_ones_are_waited_for(
    vendors: FakeVendors, tmp_path: Path
) -> None:
    """The installation's key must not pay for a workspace that may have its own."""
    async with teams(vendors, tmp_path, ANTHROPIC_API_KEY=KEYS[ANTHROPIC]) as ours:
        ours.put("red", "anthropic", KEYS[ANTHROPIC])
        await ours.call("red")
        ours.vault.away = True
        assert answered_by(await ours.call("red", 1)) == ANTHROPIC
        waiting = await ours.call("blue")
        assert isinstance(waiting, NoProvider)
        assert "The vault is away" in waiting.remedy
        assert waiting.retry_at > ours.clock.now
        assert "vault is away" in (await ours.router.providers("blue"))["anthropic"]
        ours.vault.away = False
        assert answered_by(await ours.call("blue")) == ANTHROPIC


async def test_a_key_that_cannot_be_decrypted_stops_its_workspace_alone_and_says_why(
    vendors: FakeVendors, tmp_path: Path
) -> None:
    async with teams(vendors, tmp_path, ANTHROPIC_API_KEY=KEYS[ANTHROPIC]) as ours:
        ours.put("red", "anthropic", KEYS[ANTHROPIC])
        ours.vault.vault = embedded(SqliteTables(tmp_path / "vault.db"), tmp_path, OTHERS)
        refused = await ours.call("red")
        assert isinstance(refused, NoProvider)
        assert "another key than the one given" in refused.remedy
        assert answered_by(await ours.call("blue")) == ANTHROPIC


async def test_a_key_with_characters_that_no_header_takes_is_told_by_its_name_alone(
    vendors: FakeVendors, tmp_path: Path
) -> None:
    async with teams(vendors, tmp_path, ANTHROPIC_API_KEY=KEYS[ANTHROPIC]) as ours:
        ours.put("red", "anthropic", "sk-ant\n2nd-line")
        refused = await ours.call("red")
        assert isinstance(refused, NoProvider)
        assert "'anthropic-api-key' is no key" in refused.remedy
        assert "2nd-line" not in refused.remedy
