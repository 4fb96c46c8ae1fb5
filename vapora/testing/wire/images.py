"""Images in the bodies of the four vendors, and what each of them counts one as at most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from events.ids import Provider

# As the vendors document it for the models that ship; said once more here, for the ledger must not lean on the
# catalogue that it is there to check.
TOKENS: Mapping[Provider, int] = {Provider.ANTHROPIC: 4_784, Provider.OPENAI: 3_000, Provider.GEMINI: 1_120}


def images_in(body: Any) -> Iterator[str]:
    """The base64 of each image, in the order in which they stand."""
    if isinstance(body, list):
        for one in body:
            yield from images_in(one)
    elif isinstance(body, dict):
        yield from _own(body)
        for one in body.values():
            yield from images_in(one)


def _own(part: Mapping[str, Any]) -> Iterator[str]:
    match part:
        case {"type": "image", "source": {"type": "base64", "data": str(data)}}:
            yield data
        case {"type": "image_url", "image_url": {"url": str(url)}} if url.startswith("data:"):
            yield url.partition(";base64,")[2]
        case {"inlineData": {"data": str(data)}}:
            yield data
        case {"role": "user", "images": list(images)}:
            yield from images


def input_tokens(provider: Provider, body: Mapping[str, Any], body_bytes: int) -> int:
    """Four bytes a token, but for images."""
    images = list(images_in(dict(body)))
    text = body_bytes - sum(map(len, images))
    return -(-text // 4) + TOKENS.get(provider, 0) * len(images)
