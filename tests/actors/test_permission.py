"""What the policies say of an agent's tools, and how a workspace's own text comes to its agents."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from actors.agent.permission import Permission, is_well_formed
from actors.messages import Assignment
from events.run import ToolRequested
from tests.actors.test_agent import assignment
from vapora.domain.work import UseTool
from vapora.errors import UnavailableError


def use(name: str, **arguments: Any) -> UseTool:
    return UseTool(0, 0, "call-1", ToolRequested(id="t", name=name, arguments=arguments))


async def may(one: Assignment, name: str, **arguments: Any) -> bool:
    return (await Permission().decide(one, use(name, **arguments))).allowed


async def test_a_role_writes_where_its_policy_lets_it_however_the_path_is_written() -> None:
    architect = assignment("architect")
    assert await may(architect, "file_write", path="docs/adr.md", content="x")
    assert await may(architect, "file_write", path="./docs//adr.md", content="x")
    assert not await may(architect, "file_write", path="docs/../src/main.py", content="x")
    assert not await may(architect, "submit_review", verdict="approve", summary="Fine.")


async def test_an_agent_does_not_review_its_own_work() -> None:
    review = replace(assignment("code-reviewer"), purpose="review")
    own = replace(review, task=replace(review.task, author=review.agent_id))
    assert await may(review, "submit_review")
    assert not await may(own, "submit_review")


async def test_a_new_text_holds_after_three_seconds() -> None:
    texts, now = iter(["", 'forbid(principal is Agent, action == Action::"tool:ask", resource);']), [0.0]

    async def policies() -> str:
        return next(texts)

    permission, asked = Permission(policies, lambda: now[0]), use("ask", question="Why?")
    found = []
    for at in (0.0, 2.9, 3.1):
        now[0] = at
        found.append((await permission.decide(assignment(), asked)).allowed)
    assert found == [True, True, False]


async def test_without_the_workspaces_policies_nothing_is_used() -> None:
    async def policies() -> str:
        raise UnavailableError("Identity is away.")

    with pytest.raises(UnavailableError):
        await Permission(policies).decide(assignment(), use("finish", summary="Done."))


def test_arguments_that_the_tool_refuses_need_no_permission() -> None:
    assert is_well_formed("file_read", {"path": "a.py"})
    assert not is_well_formed("file_read", {"lines": 3})
