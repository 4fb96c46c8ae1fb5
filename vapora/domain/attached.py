"""Which of the files on a card a model is shown as images, and which it is given as text."""

from __future__ import annotations

from collections.abc import Sequence

from events.content import Attachment
from vapora.domain.media import JPEG, PNG, TEXT, WEBP

# What every vendor takes: Gemini takes no GIF, OpenAI none that moves.
_SEEN = frozenset({PNG, JPEG, WEBP})
# Anthropic's limits, which are the narrowest: 5 MB of base64 and 8,000 pixels an edge.
_LARGEST_BYTES = 3_750_000
_LONGEST_EDGE = 8_000
# Of all of them together: Gemini takes a request of 20 MB, and base64 makes four bytes of three.
_MOST_BYTES = 13_000_000


def shown_images(attachments: Sequence[Attachment]) -> tuple[Attachment, ...]:
    """Those that a model that can see is shown, in their order; the others it is told of by name."""
    found: list[Attachment] = []
    left = _MOST_BYTES
    for one in attachments:
        if _can_be_shown(one) and one.content.size <= left:
            found.append(one)
            left -= one.content.size
    return tuple(found)


def is_text(attachment: Attachment) -> bool:
    return attachment.media_type == TEXT


def _can_be_shown(one: Attachment) -> bool:
    fits = max(one.width or 0, one.height or 0) <= _LONGEST_EDGE and one.content.size <= _LARGEST_BYTES
    return one.media_type in _SEEN and fits
