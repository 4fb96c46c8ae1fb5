"""Made from async_channels.py by `python -m tests.sdk.make`: change that file."""

from __future__ import annotations

from collections.abc import Sequence

from vapora import commands, views
from vapora.sdk.frames import Rows
from vapora.sdk.pages import Pages
from vapora.sdk.paths import Position, path
from vapora.sdk.transport import Transport


class Channels(Transport):
    """By which people are told."""

    def channels(self, after: Position = None) -> Rows[views.ChannelView]:
        """In the order in which they were made."""
        return self._all("/channels", views.ChannelView, {"after": after})

    def channel(self, channel_id: str, after: Position = None) -> views.ChannelView:
        return self._get(path("channels", channel_id), views.ChannelView, {"after": after})

    def set_channel(self, channel_id: str, channel: commands.SetChannel) -> views.ChannelView:
        """Make it, or replace all of it. Its secret is stored by `store_secret`."""
        return self._ask("PUT", path("channels", channel_id), views.ChannelView, channel)

    def remove_channel(self, channel_id: str) -> int:
        return self._write("DELETE", path("channels", channel_id))

    def test_channel(self, channel_id: str, key: str | None = None) -> views.ChannelOutcome:
        """Send a sample now; what came of it."""
        return self._ask("POST", path("channels", channel_id, "test"), views.ChannelOutcome, None, key)

    def channel_deliveries(
        self, channel_id: str, state: views.DeliveryState | None = None, limit: int | None = None
    ) -> Pages[views.ChannelDelivery]:
        """What was sent to it and what waits, the newest first, page by page as they are taken."""
        return self._items(path("channels", channel_id, "deliveries"), views.ChannelDelivery, {"state": state}, limit)

    def resend_deliveries(
        self, channel_id: str, positions: Sequence[int] = (), key: str | None = None
    ) -> views.Accepted:
        """Dead letters, those at these positions or all of them."""
        body = commands.ResendDeliveries(positions=tuple(positions))
        return self._ask("POST", path("channels", channel_id, "resend"), views.Accepted, body, key)
