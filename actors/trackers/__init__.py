"""Keeps cards and the issues of trackers (GitHub, Jira) in step."""

from actors.trackers.trackers import Trackers

__all__ = ["Trackers"]
