"""Text in an event: inline while small, else the digest of a blob that was stored first."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from events.base import Value

# Above this many bytes a text goes to the blob store: the log stays quick to replay.
INLINE_LIMIT_BYTES = 8_192


class Content(Value):
    """`text` or `digest` (sha256, hex) is set, never both; `size` counts UTF-8 bytes."""

    text: str | None = None
    digest: str | None = None
    size: int = Field(ge=0)

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Self:
        if (self.text is None) == (self.digest is None):
            raise ValueError("content is either inline text or a digest")
        return self


class Attachment(Value):
    """A file that a person put on a card, under a name that is its own there. `content` always stands in the blob
    store. `media_type` is what its first bytes say, whatever the name ends with; `width` and `height`, in pixels, are
    those of an image."""

    name: str
    content: Content
    media_type: str
    width: int | None = Field(default=None, gt=0)
    height: int | None = Field(default=None, gt=0)
