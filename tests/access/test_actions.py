"""Whatever can be asked for has an action, and no action stands for nothing."""

from __future__ import annotations

from typing import cast

import pytest
from fastapi import FastAPI

from vapora.access.schema import schema, text
from vapora.api.app import create_app
from vapora.api.openapi import operations
from vapora.domain.access import ACTIONS, GROUPS, SERVED, UNTOUCHABLE
from vapora.ports import ActorSystemPort
from vapora.settings import Settings
from vapora.tools.table import TOOLS

# What no operation of the document stands for: a socket, the document itself, where a browser is sent to sign in,
# another protocol, and what a tracker sends.
BESIDE = {"follow_live", "get_openapi", "get_docs", "start_openid", "finish_openid", "use_mcp", "take_tracker_webhook"}


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return create_app(cast(ActorSystemPort, None), Settings(), "0", rehearsal=True)


def test_every_operation_and_every_tool_has_an_action_and_every_action_stands_for_one(app: FastAPI) -> None:
    found = {operation["operationId"] for _, _, operation in operations(app.openapi())}
    wanted = found | BESIDE | {f"tool:{name}" for name in TOOLS} | {SERVED}
    named = {action for action in ACTIONS if action.startswith("tool:") or ":" not in action}
    assert wanted - named == set(), "add it to a group in vapora/domain/access.py"
    assert named - wanted == set(), "there is no such operation or tool"


def test_what_a_route_does_only_sometimes_belongs_to_an_operation() -> None:
    sometimes = [action for action in ACTIONS if ":" in action and not action.startswith("tool:")]
    assert sometimes
    assert all(action.partition(":")[0] in ACTIONS for action in sometimes)
    assert set(ACTIONS) >= UNTOUCHABLE


def test_every_action_is_in_one_group_and_in_the_schema() -> None:
    assert sum(len(group.actions) for group in GROUPS) == len(ACTIONS)
    assert str(schema())
    assert all(f'action "{action}" in [Action::"{group.name}"]' in text() for action, group in ACTIONS.items())
