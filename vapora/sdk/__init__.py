"""VAPORA from Python: `from vapora import Client, AsyncClient`. Needs neither Ray nor FastAPI."""

from vapora.sdk.async_client import AsyncClient
from vapora.sdk.async_live import AsyncLive
from vapora.sdk.client import Client
from vapora.sdk.live import Live
from vapora.sdk.paths import DEFAULT_URL
from vapora.sdk.problems import ApiError, NoServerError
from vapora.sdk.waiting import AmbiguousError, WaitTimeoutError

__all__ = [
    "DEFAULT_URL",
    "AmbiguousError",
    "ApiError",
    "AsyncClient",
    "AsyncLive",
    "Client",
    "Live",
    "NoServerError",
    "WaitTimeoutError",
]
