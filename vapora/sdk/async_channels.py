"""Channels, for the asynchronous client. `python -m tests.sdk.make` makes the synchronous one from it."""

from __future__ import annotations

from collections.abc import Sequence

from vapora import commands, views
from vapora.sdk.async_pages import AsyncPages
from vapora.sdk.async_transport import AsyncTransport
from vapora.sdk.frames import Rows
from vapora.sdk.paths import Position, path


class AsyncChannels(AsyncTransport):
    """By which people are told."""

    async def channels(self, after: Position = None) -> Rows[views.ChannelView]:
        """In the order in which they were made."""
        return await self._all("/channels", views.ChannelView, {"after": after})

    async def channel(self, channel_id: str, after: Position = None) -> views.ChannelView:
        return await self._get(path("channels", channel_id), views.ChannelView, {"after": after})

    async def set_channel(self, channel_id: str, channel: commands.SetChannel) -> views.ChannelView:
        """Make it, or replace all of it. Its secret is stored by `store_secret`."""
        return await self._ask("PUT", path("channels", channel_id), views.ChannelView, channel)

    async def remove_channel(self, channel_id: str) -> int:
        return await self._write("DELETE", path("channels", channel_id))

    async def test_channel(self, channel_id: str, key: str | None = None) -> views.ChannelOutcome:
        """Send a sample now; what came of it."""
        return await self._ask("POST", path("channels", channel_id, "test"), views.ChannelOutcome, None, key)

    def channel_deliveries(
        self, channel_id: str, state: views.DeliveryState | None = None, limit: int | None = None
    ) -> AsyncPages[views.ChannelDelivery]:
        """What was sent to it and what waits, the newest first, page by page as they are taken."""
        return self._items(path("channels", channel_id, "deliveries"), views.ChannelDelivery, {"state": state}, limit)

    async def resend_deliveries(
        self, channel_id: str, positions: Sequence[int] = (), key: str | None = None
    ) -> views.Accepted:
        """Dead letters, those at these positions or all of them."""
        body = commands.ResendDeliveries(positions=tuple(positions))
        return await self._ask("POST", path("channels", channel_id, "resend"), views.Accepted, body, key)
