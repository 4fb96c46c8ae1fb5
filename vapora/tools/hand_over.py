"""Tools that only hand something over: their checked arguments are what they do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from vapora.tools.table import Tool
from vapora.tools.values import ToolResult

_MOST_PROBLEMS = 5


def hand_over(tool: Tool, arguments: Mapping[str, Any]) -> ToolResult:
    """For a tool without `act`, which needs no worktree."""
    try:
        asked = tool.takes.model_validate(dict(arguments))
    except ValidationError as error:
        return ToolResult(False, complaint(tool, error))
    return ToolResult(True, tool.said, data=asked.model_dump(mode="json"))


def complaint(tool: Tool, error: ValidationError) -> str:
    """What is wrong with the arguments, for the model."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    told = [f"{'.'.join(map(str, one['loc'])) or 'arguments'}: {one['msg']}" for one in problems[:_MOST_PROBLEMS]]
    return f"Wrong arguments for {tool.name}: {'; '.join(told)}."
