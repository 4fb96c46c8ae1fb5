"""VAPORA from Python: `from vapora import Client, AsyncClient`. Needs neither Ray nor FastAPI."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vapora.sdk.async_backlog import AsyncBacklog
    from vapora.sdk.async_client import AsyncClient
    from vapora.sdk.async_live import AsyncLive
    from vapora.sdk.async_pages import AsyncPages
    from vapora.sdk.backlog import Backlog
    from vapora.sdk.client import Client
    from vapora.sdk.frames import Rows
    from vapora.sdk.live import Live
    from vapora.sdk.live_board import LiveBoard
    from vapora.sdk.pages import Pages
    from vapora.sdk.paths import DEFAULT_URL
    from vapora.sdk.problems import ApiError, NoAnswerError, NoServerError
    from vapora.sdk.waiting import AmbiguousError, WaitTimeoutError

__all__ = [
    "DEFAULT_URL",
    "AmbiguousError",
    "ApiError",
    "AsyncBacklog",
    "AsyncClient",
    "AsyncLive",
    "AsyncPages",
    "Backlog",
    "Client",
    "Live",
    "LiveBoard",
    "NoAnswerError",
    "NoServerError",
    "Pages",
    "Rows",
    "WaitTimeoutError",
]
# The module of each name, loaded when it is asked for: who takes `Client` needs neither asyncio's nor live's.
_MODULES = {
    "DEFAULT_URL": "paths",
    "AmbiguousError": "waiting",
    "ApiError": "problems",
    "AsyncBacklog": "async_backlog",
    "AsyncClient": "async_client",
    "AsyncLive": "async_live",
    "AsyncPages": "async_pages",
    "Backlog": "backlog",
    "Client": "client",
    "Live": "live",
    "LiveBoard": "live_board",
    "NoAnswerError": "problems",
    "NoServerError": "problems",
    "Pages": "pages",
    "Rows": "frames",
    "WaitTimeoutError": "waiting",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
