"""Facts about a person who uses a workspace."""

from __future__ import annotations

from typing import ClassVar

from events.base import DomainEvent


class PreferencesChanged(DomainEvent):
    """All that a person prefers, as it is from now on. The words are texts here: a newer version may know more of them.

    `user_id`: as the log names who does something, `user:local`. `time_zone`: an IANA name; empty: that of the browser.
    `notifications`: states of cards that the person wants to be told about.
    """

    TOPIC: ClassVar[str] = "user.preferences-changed"

    user_id: str
    theme: str
    density: str
    time_zone: str
    notifications: tuple[str, ...]
