"""VAPORA from Python: `from vapora.sdk import Client`. Needs neither Ray nor FastAPI."""

from vapora.sdk.client import DEFAULT_URL, Client
from vapora.sdk.live import Live
from vapora.sdk.problems import ApiError, NoServerError

__all__ = ["DEFAULT_URL", "ApiError", "Client", "Live", "NoServerError"]
