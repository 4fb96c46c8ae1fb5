"""What a file is, by its first bytes; never by its name, which whoever sends it chooses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

TEXT = "text/plain"
PDF = "application/pdf"
OTHER = "application/octet-stream"
PNG, JPEG, WEBP, GIF = "image/png", "image/jpeg", "image/webp", "image/gif"

# Markers of JPEG that hold the picture's size: the frames SOF0 to SOF15 without DHT, JPG and DAC among them.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# What no text holds: controls but for the tab, line feed, form feed and carriage return.
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Media:
    """`width` and `height`, in pixels, are those of an image."""

    type: str
    width: int | None = None
    height: int | None = None


def media_of(data: bytes) -> Media:
    """What may be shown as an image has the beginning of one, with a size; what may be shown as text is UTF-8 without
    controls. HTML and SVG are texts here. Everything else is `OTHER`."""
    for kind, size_of in _SIZES.items():
        size = size_of(data)
        if size is not None:
            return Media(kind, *size) if min(size) > 0 else Media(OTHER)
    if data.startswith(b"%PDF-"):
        return Media(PDF)
    return Media(TEXT if _is_text(data) else OTHER)


def _is_text(data: bytes) -> bool:
    if _CONTROLS.search(data):
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _png(data: bytes) -> Size | None:
    if not data.startswith(b"\x89PNG\r\n\x1a\n") or data[12:16] != b"IHDR":
        return None
    return _big(data[16:20]), _big(data[20:24])


def _gif(data: bytes) -> Size | None:
    if not data.startswith((b"GIF87a", b"GIF89a")):
        return None
    return _little(data[6:8]), _little(data[8:10])


def _webp(data: bytes) -> Size | None:
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return None
    match data[12:16]:
        case b"VP8X":
            return _little(data[24:27]) + 1, _little(data[27:30]) + 1
        case b"VP8L" if data[20:21] == b"\x2f":
            bits = _little(data[21:25])
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 " if data[23:26] == b"\x9d\x01\x2a":
            return _little(data[26:28]) & 0x3FFF, _little(data[28:30]) & 0x3FFF
    return None


def _jpeg(data: bytes) -> Size | None:
    if not data.startswith(b"\xff\xd8\xff"):
        return None
    for marker, start in _segments(data):
        if marker in _FRAMES:
            return _big(data[start + 5 : start + 7]), _big(data[start + 3 : start + 5])
    return None


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Markers of a JPEG with where their segment begins, up to the first scan."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill bytes
            at += 1
            continue
        if marker == 0xDA:
            return
        yield marker, at + 2
        at += 2 + max(2, _big(data[at + 2 : at + 4]))


def _big(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")


_SIZES: dict[str, Callable[[bytes], Size | None]] = {PNG: _png, JPEG: _jpeg, WEBP: _webp, GIF: _gif}
