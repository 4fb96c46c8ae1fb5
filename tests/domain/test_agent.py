from __future__ import annotations

from typing import Any

import pytest

from events.agent import AgentDisabled, AgentEdited, AgentEnabled, AgentRegistered, AgentRemoved
from vapora.commands import EditAgent, RegisterAgent
from vapora.domain import agent as rules
from vapora.domain.agent import Agent, RoleDefaults, fold, next_agent_id
from vapora.errors import BadInputError, ConflictError, NotFoundError

TYPES = ("code-generation", "code-refactor", "unit-test")
DEVELOPER = RoleDefaults("developer", "Developer", ("python",), ("code-generation", "code-refactor"), 3)
REGISTERED = AgentRegistered(
    agent_id="developer",
    role="developer",
    name="Developer",
    capabilities=("python",),
    task_types=("code-generation", "code-refactor"),
    capacity=3,
)
DISABLED = AgentDisabled(agent_id="developer", reason="ill")
REMOVED = AgentRemoved(agent_id="developer")


def register(state: Agent | None, defaults: RoleDefaults | None = DEVELOPER, **body: Any) -> Any:
    command = RegisterAgent(role="developer", **body)
    return rules.register(state, command, "developer", defaults, ("developer", "tester"), TYPES)


def edit(state: Agent | None, **body: Any) -> Any:
    return rules.edit(state, EditAgent(**body), "developer", TYPES)


def test_ids_come_from_the_role_so_that_they_are_the_same_after_a_restart() -> None:
    assert next_agent_id("tester", ()) == "tester"
    assert next_agent_id("tester", {"tester"}) == "tester-2"
    assert next_agent_id("tester", {"tester", "tester-2", "tester-4"}) == "tester-3"
    assert next_agent_id("tester", {"developer"}) == "tester"


def test_given_nothing_when_registered_then_the_manifest_fills_the_gaps() -> None:
    assert register(None) == (REGISTERED,)
    assert register(None, capacity=1, task_types=("unit-test",), name="Dev") == (
        REGISTERED.model_copy(
            update={
                "capacity": 1,
                "task_types": ("unit-test",),
                "name": "Dev",
                "own": ("name", "task_types", "capacity"),
            }
        ),
    )


def test_given_an_agent_when_registered_alike_then_nothing_happens_even_if_it_is_disabled() -> None:
    assert register(fold([REGISTERED])) == ()
    assert register(fold([REGISTERED, DISABLED])) == ()


def test_given_an_agent_when_another_is_registered_under_its_id_then_it_is_refused() -> None:
    with pytest.raises(ConflictError):
        register(fold([REGISTERED]), capacity=9)


def test_given_a_removed_agent_when_registered_then_it_is_back_and_enabled() -> None:
    gone = fold([REGISTERED, DISABLED, REMOVED])
    assert register(gone) == (REGISTERED,)
    back = fold([REGISTERED, DISABLED, REMOVED, REGISTERED])
    assert back is not None and back.enabled and not back.removed


def test_an_unknown_role_is_refused_with_the_roles_that_exist() -> None:
    with pytest.raises(BadInputError) as refusal:
        register(None, defaults=None)
    assert "tester" in refusal.value.remedy


@pytest.mark.parametrize("task_types", [("cooking",), ()])
def test_task_types_must_be_known_and_at_least_one(task_types: tuple[str, ...]) -> None:
    with pytest.raises(BadInputError):
        register(None, task_types=task_types)
    with pytest.raises(BadInputError):
        edit(fold([REGISTERED]), task_types=task_types)


def test_given_an_agent_when_edited_then_only_what_differs_is_recorded() -> None:
    assert edit(fold([REGISTERED]), name="Developer", capacity=5) == (AgentEdited(agent_id="developer", capacity=5),)
    assert edit(fold([REGISTERED]), name="Developer", enabled=True) == ()


def test_an_edit_can_switch_the_agent_off_and_on() -> None:
    off = edit(fold([REGISTERED]), capacity=1, enabled=False)
    assert off == (AgentEdited(agent_id="developer", capacity=1), AgentDisabled(agent_id="developer"))
    state = fold([REGISTERED, *off])
    assert state is not None and not state.enabled and state.capacity == 1
    assert edit(state, enabled=False) == ()
    assert edit(state, enabled=True) == (AgentEnabled(agent_id="developer"),)


def test_disabling_and_enabling_take_effect_once() -> None:
    ready, ill = fold([REGISTERED]), fold([REGISTERED, DISABLED])
    assert rules.disable(ready, "developer", "ill") == (DISABLED,)
    assert rules.disable(ill, "developer", "ill") == ()
    assert rules.enable(ill, "developer") == (AgentEnabled(agent_id="developer"),)
    assert rules.enable(ready, "developer") == ()
    assert ill is not None and ill.disabled_reason == "ill"


def test_removing_takes_effect_once() -> None:
    assert rules.remove(fold([REGISTERED]), "developer") == (REMOVED,)
    assert rules.remove(fold([REGISTERED, REMOVED]), "developer") == ()


@pytest.mark.parametrize("state", [None, fold([REGISTERED, REMOVED])])
def test_who_is_not_registered_cannot_be_changed(state: Agent | None) -> None:
    for change in (
        lambda: edit(state, capacity=2),
        lambda: rules.enable(state, "developer"),
        lambda: rules.disable(state, "developer"),
    ):
        with pytest.raises(NotFoundError):
            change()


def test_who_was_never_registered_cannot_be_removed() -> None:
    with pytest.raises(NotFoundError):
        rules.remove(None, "developer")
