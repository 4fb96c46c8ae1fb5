"""The tools of one agent in one worktree. Whatever the model asks for, it gets a result that it can read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from pydantic import ValidationError

from vapora.errors import BadInputError, VaporaError
from vapora.llm.protocol import ToolSpec
from vapora.tools.hand_over import complaint, hand_over
from vapora.tools.scope import Scope
from vapora.tools.table import TOOLS, Tool
from vapora.tools.values import ToolResult, Workplace

_log = structlog.get_logger("tools")


class Toolbox:
    """`names`: the tools that the role may use; `writable`: the paths that it may write (see `Scope`).

    Raises `BadInputError` for a name that no tool has.
    """

    def __init__(self, place: Workplace, names: Iterable[str], writable: Iterable[str] = ("**",)) -> None:
        self._place = place
        self.scope = Scope(writable)
        chosen = tuple(names)
        unknown = [name for name in chosen if name not in TOOLS]
        if unknown:
            raise BadInputError(f"There is no tool {', '.join(unknown)}.", remedy=f"The tools are {', '.join(TOOLS)}.")
        self.tools: dict[str, Tool] = {name: TOOLS[name] for name in chosen}

    def specs(self) -> tuple[ToolSpec, ...]:
        """For a request to a model."""
        return tuple(tool.spec() for tool in self.tools.values())

    async def call(self, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Never raises for what the model did wrong, or for a tool that fails; only cancelling passes through."""
        tool = self.tools.get(name)
        if tool is None:
            return ToolResult(False, f"You have no tool {name!r:.100}. You have {', '.join(self.tools) or 'none'}.")
        if tool.act is None:
            return hand_over(tool, arguments)
        try:
            asked = tool.takes.model_validate(dict(arguments))
        except ValidationError as error:
            return ToolResult(False, complaint(tool, error))
        try:
            async with asyncio.timeout(tool.limit_s):
                return await tool.act(self._place, asked, self.scope)
        except VaporaError as error:
            return ToolResult(False, str(error))
        except TimeoutError:
            return ToolResult(False, f"{name} did not end within {tool.limit_s:.0f} s. Ask for less.")
        except OSError as error:
            # A full disk, or a folder that a command closed: the agent may be able to help itself.
            return ToolResult(False, f"{name} failed: {error.strerror or error}.")
        except Exception:
            # A fault of ours. The run goes on without this call, and the operator finds the trace in the journal.
            _log.exception("tool.failed", tool=name)
            return ToolResult(False, f"{name} failed by a fault inside VAPORA. Try another way.")
