"""The files that people put on cards."""

from __future__ import annotations

from datetime import datetime

from vapora.views.base import View


class Attachment(View):
    """`name` is its own on its card. `media_type` is what its first bytes say: that of an image (PNG, JPEG, WebP, GIF),
    of a PDF, of plain text, or application/octet-stream for everything else. `width` and `height` are an image's."""

    name: str
    sha256: str
    bytes: int
    media_type: str
    width: int | None = None
    height: int | None = None
    added_by: str
    added_at: datetime


class AttachmentMade(View):
    """The file as it is kept: `name` may be another than was sent, without folders in front of it."""

    task_id: str
    name: str
    sha256: str
    bytes: int
    media_type: str
    width: int | None = None
    height: int | None = None
    position: int
