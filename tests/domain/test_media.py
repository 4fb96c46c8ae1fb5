"""What a file is, by its first bytes."""

from __future__ import annotations

import struct

import pytest

from vapora.domain.media import Media, media_of

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", 640, 480) + b"\x08\x02\x00\x00\x00"
GIF = b"GIF89a" + struct.pack("<HH", 20, 10) + b"\x00\x00\x00;"
JPEG = (
    b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    b"\xff\xff\xc0\x00\x11\x08" + struct.pack(">HH", 300, 400) + b"\x03" + b"\x00" * 9
)
LOSSY = b"RIFF\x00\x00\x00\x00WEBPVP8 \x00\x00\x00\x00\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", 50, 60)
LOSSLESS = b"RIFF\x00\x00\x00\x00WEBPVP8L\x00\x00\x00\x00\x2f" + struct.pack("<I", (70 - 1) | (80 - 1) << 14)
EXTENDED = b"RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00" + b"\x63\x00\x00\xc7\x00\x00"


@pytest.mark.parametrize(
    ("data", "media"),
    [
        (PNG, Media("image/png", 640, 480)),
        (GIF, Media("image/gif", 20, 10)),
        (JPEG, Media("image/jpeg", 400, 300)),
        (LOSSY, Media("image/webp", 50, 60)),
        (LOSSLESS, Media("image/webp", 70, 80)),
        (EXTENDED, Media("image/webp", 100, 200)),
        (b"%PDF-1.7\n\x00", Media("application/pdf")),
        ("Grüße\r\n\tund mehr\n".encode(), Media("text/plain")),
        (b"", Media("text/plain")),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", Media("text/plain")),
        (b"<!doctype html><script>alert(1)</script>", Media("text/plain")),
        (b"PK\x03\x04", Media("application/octet-stream")),
        ("é".encode("latin-1"), Media("application/octet-stream")),
        (b"text with a \x1b[31mcolour", Media("application/octet-stream")),
    ],
)
def test_a_file_is_what_its_first_bytes_say(data: bytes, media: Media) -> None:
    assert media_of(data) == media


@pytest.mark.parametrize("data", [PNG[:16], JPEG[:20], GIF[:6], LOSSY[:20], PNG[:16] + b"\x00" * 8])
def test_an_image_without_a_size_is_none(data: bytes) -> None:
    assert media_of(data).type not in ("image/png", "image/jpeg", "image/gif", "image/webp")


def test_any_beginning_of_an_image_can_be_looked_at() -> None:
    for whole in (PNG, GIF, JPEG, LOSSY, LOSSLESS, EXTENDED):
        for length in range(len(whole)):
            media_of(whole[:length])
