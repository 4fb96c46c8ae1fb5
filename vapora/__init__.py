"""VAPORA: a team of AI agents that works from a Kanban board, within its budget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vapora import package_guard as rooms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from vapora.agents import Agent, AsyncContext, Context, agent, tool
    from vapora.sdk import ApiError, AsyncClient, Client, LiveBoard

__version__ = "0.1.0"
__all__ = [
    "ApiError",
    "AsyncClient",
    "AsyncContext",
    "Client",
    "Context",
    "LiveBoard",
    "__version__",
    "agent",
    "local",
    "tool",
]
_OF_THE_SDK = frozenset({"ApiError", "AsyncClient", "Client", "LiveBoard"})
_OF_AGENTS = frozenset({"AsyncContext", "Context", "agent", "tool"})

rooms.check(Path(__file__).parent.parent)


def __getattr__(name: str) -> Any:
    # Only when asked for: rules and actors import this package too, and need no HTTP client.
    if name in _OF_THE_SDK:
        from vapora import sdk

        return getattr(sdk, name)
    if name in _OF_AGENTS:
        from vapora import agents

        return getattr(agents, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def local(
    data: Path | str | None = None,
    *,
    agents: Sequence[Agent] = (),
    environ: Mapping[str, str] | None = None,
    **settings: Any,
) -> AbstractContextManager[Client]:
    """Everything in this process, for as long as the block lasts: `with vapora.local() as client:`.

    `data` is the data folder, made where there is none, and locked against a second start; None: a temporary folder,
    gone with the block. `agents`: written in Python (`@vapora.agent`), at work beside the others. `environ`: what the
    model providers are configured by, in place of the process's own environment. `settings` go before those of the
    environment, as in `vapora.local(model="rehearsal")`. It has threads and an event loop of its own, so that it also
    works in a notebook; `client.url` is where others reach it.

    Raises `ConfigurationError` where it cannot start, and `ModuleNotFoundError` without the extra `vapora[platform]`.
    """
    try:
        from vapora import in_process
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in rooms.ROOMS:
            raise
        error.msg = f"vapora.local() needs more than the Python SDK ({missing} is missing): install vapora[platform]."
        raise
    return in_process.local(data, agents=agents, environ=environ, **settings)
