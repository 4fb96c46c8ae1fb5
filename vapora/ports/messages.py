"""The actors that speak to others outside: webhooks, channels and trackers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from events.channel import ChannelSet
from events.tracker import TrackerSet
from vapora.ports.requests import Origin, RequestKey
from vapora.views import (
    ChannelDelivery,
    ChannelOutcome,
    DeliveryState,
    Page,
    TrackerOutcome,
    TrackerStatus,
    WebhookDelivery,
    WebhookOutcome,
)


class WebhooksPort(Protocol):
    async def check(self, url: str) -> None:
        """`BadInputError` for an address that messages may not go to."""
        ...

    async def secret(self, webhook_id: str) -> str:
        """That its messages are signed with; made with the first question."""
        ...

    async def test(self, origin: Origin, webhook_id: str, key: RequestKey | None = None) -> WebhookOutcome:
        """Send a sample now. Raises `NotFoundError`."""
        ...

    async def deliveries(
        self, webhook_id: str, state: DeliveryState | None, before: int | None, limit: int
    ) -> Page[WebhookDelivery]:
        """The newest first, of positions below `before`."""
        ...


class ChannelsPort(Protocol):
    """Of the same actor as `WebhooksPort`: there is one outbox."""

    async def check_channel(self, channel: ChannelSet) -> None:
        """`BadInputError` where messages may not go."""
        ...

    async def test_channel(self, origin: Origin, channel_id: str, key: RequestKey | None = None) -> ChannelOutcome:
        """Send a sample now. Raises `NotFoundError`."""
        ...

    async def channel_deliveries(
        self, channel_id: str, state: DeliveryState | None, before: int | None, limit: int
    ) -> Page[ChannelDelivery]:
        """The newest first, of positions below `before`."""
        ...


class TrackersPort(Protocol):
    """Of a workspace. Asking it starts it, so who only reads asks whether there are any first."""

    async def check(self, tracker: TrackerSet) -> None:
        """`BadInputError` for an address that requests may not go to."""
        ...

    async def test(self, tracker_id: str) -> TrackerOutcome:
        """Ask for what it is connected to, now. Raises `NotFoundError`."""
        ...

    async def status(self) -> dict[str, TrackerStatus]:
        """Of those that are switched on, by their ids."""
        ...

    async def deliver(self, tracker_id: str, headers: Mapping[str, str], body: bytes) -> None:
        """A message of a tracker's webhook: noted where to look when this returns. `headers`: by small letters. Raises
        `UnauthenticatedError` for a wrong signature, and `NotFoundError`; then nothing has happened."""
        ...
