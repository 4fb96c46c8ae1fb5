"""VAPORA: a team of AI agents that works from a Kanban board, within its budget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vapora import package_guard as rooms

if TYPE_CHECKING:
    from vapora.sdk import ApiError, AsyncClient, Client

__version__ = "0.1.0"
__all__ = ["ApiError", "AsyncClient", "Client", "__version__"]

rooms.check(Path(__file__).parent.parent)


def __getattr__(name: str) -> Any:
    # Only when asked for: rules and actors import this package too, and need no HTTP client.
    if name in ("ApiError", "AsyncClient", "Client"):
        from vapora import sdk

        return getattr(sdk, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
