"""VAPORA from Python: `from vapora import Client, AsyncClient`. Needs neither Ray nor FastAPI."""

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
