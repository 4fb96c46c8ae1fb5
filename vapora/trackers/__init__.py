"""GitHub and Jira: what both can do behind one protocol, and the line that a request goes over."""

from vapora.trackers.client import Found, TrackerClient
from vapora.trackers.line import Line, PinnedAddress
from vapora.trackers.opening import client_of
from vapora.trackers.problems import TrackerDelayedError, TrackerRefusedError, TrackerSignInError

__all__ = [
    "Found",
    "Line",
    "PinnedAddress",
    "TrackerClient",
    "TrackerDelayedError",
    "TrackerRefusedError",
    "TrackerSignInError",
    "client_of",
]
