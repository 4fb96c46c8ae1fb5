"""The table of actor kinds: one entry is all that the runtimes, the supervisor and the composition need."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from actors import kinds
from actors.composition import Wiring, builder
from actors.kinds import KINDS, kind_of, may_repeat, never_repeated
from actors.runtime.base import Address, host_of
from actors.runtime.local import LocalRuntime
from vapora.errors import ConfigurationError
from vapora.settings import Settings


@pytest.mark.parametrize("kind", KINDS)
def test_each_entry_names_an_actor_and_a_function_that_builds_it(kind: str) -> None:
    actor = kinds.load(KINDS[kind].actor)
    methods = ("start", "stop", "health", *(("rest",) if KINDS[kind].resident else ()))
    assert all(inspect.iscoroutinefunction(getattr(actor, method)) for method in methods)
    parameters = inspect.signature(kinds.load(KINDS[kind].builder)).parameters
    assert [one.annotation for one in parameters.values()] == [Wiring.__name__, Address.__name__]


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_built_is_the_actor_of_the_entry(kind: str, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, nats_url="nats://127.0.0.1:1", model="rehearsal")
    build = builder(settings, {})
    workspace = "" if KINDS[kind].shared else "default"
    built = build(Address(kind, workspace, "tester" if kind == "agent" else ""), LocalRuntime(build))
    assert type(built) is kinds.load(KINDS[kind].actor)


def test_only_what_reaches_a_provider_or_a_tool_of_others_is_never_sent_twice() -> None:
    assert not may_repeat("router", "complete")
    once = [
        (kind.name, method)
        for kind in KINDS.values()
        for method, _ in inspect.getmembers(kinds.load(kind.actor), inspect.isfunction)
        if not may_repeat(kind.name, method)
    ]
    routers = [("router", "complete"), ("router", "embed")]
    assert once == [("trackers", "use_tool"), ("mcp_gateway", "call"), *routers]


def test_the_same_name_on_another_actor_is_repeated() -> None:
    assert may_repeat("budget", "complete")


def test_the_mark_changes_nothing_of_the_method() -> None:
    def method() -> int:
        return 1

    assert never_repeated(method) is method


def test_an_address_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no kind of actor 'lgo'"):
        Address("lgo", "default")


def test_a_setting_that_a_kind_waits_for_is_one_that_exists() -> None:
    assert {kind.setting for kind in KINDS.values() if kind.setting} <= set(Settings.model_fields)


def test_a_cell_has_a_relay_only_with_nats_and_the_writer_comes_first() -> None:
    assert kinds.residents(Settings(nats_url="nats://127.0.0.1:1"))[0] == "log"
    assert set(kinds.residents(Settings(nats_url="nats://127.0.0.1:1"))) - set(kinds.residents(Settings())) == {"relay"}


def test_a_kind_with_an_id_lives_with_the_agents_of_its_workspace_or_alone() -> None:
    assert kind_of("agent").host == "agents"
    assert host_of(Address("agent", "acme", "tester"), "packed") == "agents/acme"
    assert host_of(Address("agent", "acme", "tester"), "separate") == "agent/acme/tester"


def test_hosts_end_with_the_last_of_their_actors_and_the_writer_ends_last() -> None:
    order = sorted(("log", "cell", "router", "agents", "agent", "supervisor"), key=kinds.stop_rank)
    assert order[0] == "supervisor"
    assert {*order[-2:]} == {"cell", "log"}
    assert kinds.stop_rank("agents") < kinds.stop_rank("budget")
