"""The one write path for what people ask."""

from vapora.dispatch.dispatcher import Dispatcher
from vapora.dispatch.request_keys import RequestKey

__all__ = ["Dispatcher", "RequestKey"]
