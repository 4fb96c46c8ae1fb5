"""Messages that a tracker sends: whether one is from it, and where it says that something may be new."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from events.tracker import TrackerKind
from vapora.domain.tracker.connection import Tracker
from vapora.domain.tracker.link import LinkKind

_HEADER: Mapping[TrackerKind, str] = {"github": "x-hub-signature-256", "jira": "x-hub-signature"}
_SIGNATURE = re.compile(r"sha256=([0-9a-f]{64})")
_JIRA_KEY = re.compile(r"[A-Z][A-Z0-9_]{1,50}-[1-9][0-9]{0,9}")


@dataclass(frozen=True, slots=True)
class Where:
    kind: LinkKind
    number: str


def is_signed(kind: TrackerKind, secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Of the very bytes, compared in a time that says nothing. `headers`: by small letters."""
    found = _SIGNATURE.fullmatch(headers.get(_HEADER[kind], "").strip().lower())
    made = hmac.new(secret.encode(), body, sha256).hexdigest()
    return found is not None and bool(secret) and hmac.compare_digest(found.group(1), made)


def where(tracker: Tracker, said: Mapping[str, Any]) -> tuple[Where, ...]:
    """None: it is about nothing that concerns cards, or about another repository or project."""
    return _in_github(tracker, said) if tracker.set.kind == "github" else _in_jira(tracker, said)


def _in_github(tracker: Tracker, said: Mapping[str, Any]) -> tuple[Where, ...]:
    repository = said.get("repository")
    name = repository.get("full_name") if isinstance(repository, dict) else None
    if not isinstance(name, str) or name.lower() != tracker.set.remote.lower():
        return ()
    pull = _number(said.get("pull_request"))
    if pull:
        return (Where("pull", pull),)
    issue = said.get("issue")
    number = _number(issue)
    if not number:
        return ()
    is_pull = isinstance(issue, dict) and issue.get("pull_request") is not None
    return (Where("pull" if is_pull else "issue", number),)


def _number(thing: object) -> str:
    number = thing.get("number") if isinstance(thing, dict) else None
    return str(number) if isinstance(number, int) and not isinstance(number, bool) and 0 < number < 10**10 else ""


def _in_jira(tracker: Tracker, said: Mapping[str, Any]) -> tuple[Where, ...]:
    issue = said.get("issue")
    key = issue.get("key") if isinstance(issue, dict) else None
    if not isinstance(key, str) or not _JIRA_KEY.fullmatch(key):
        return ()
    return (Where("issue", key),) if key.rpartition("-")[0] == tracker.set.remote else ()
