"""Fakes of GitHub and Jira at the level of the wire: real HTTP servers on loopback, with a memory of their own.

with FakeGitHub() as github:
    number = github.open_issue("The parser drops a line", labels=("vapora",))
    github.faults.append(Fault.LOST_ANSWER)     # the next change is made, and its answer lost
    ...
    assert [one.text for one in github.comments_of(number)] == ["…"]
"""

from vapora.testing.trackers.github import FakeGitHub
from vapora.testing.trackers.jira import FakeJira
from vapora.testing.trackers.server import Fault, Message

__all__ = ["FakeGitHub", "FakeJira", "Fault", "Message"]
