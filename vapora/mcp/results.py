"""What a server answered, as text that a model reads: bounded, and named as what it is."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from vapora.tools.values import ToolResult
from vapora.unicode import mended


def result_text(result: Any) -> str:
    """Of a call. What is no text is named with its kind and size."""
    text = "\n".join(filter(None, map(_part, result.content)))
    if not text and result.structured_content is not None:
        text = json.dumps(result.structured_content, ensure_ascii=False)
    return text or "(no text)"


def bounded(text: str, most_bytes: int, *, ok: bool = True) -> ToolResult:
    """The beginning of a text that is too long, and how long it is."""
    data = mended(text).encode()
    if len(data) <= most_bytes:
        return ToolResult(ok, data.decode())
    kept = data[:most_bytes].decode("utf-8", "ignore")
    return ToolResult(ok, f"{kept}\n[cut: this is the beginning of {len(data):,} bytes]", truncated=True)


def resource_text(contents: Iterable[Any]) -> str:
    return "\n".join(_resource(one) for one in contents)


def prompt_text(messages: Iterable[Any]) -> str:
    return "\n\n".join(f"[{one.role}]\n{_part(one.content)}" for one in messages)


def _part(part: Any) -> str:
    match part.type:
        case "text":
            return str(part.text)
        case "resource":
            return _resource(part.resource)
        case "resource_link":
            return f"[resource {part.uri}: {part.name}]"
        case "image" | "audio":
            return f"[{part.type} {part.mime_type}, {len(part.data) * 3 // 4:,} bytes: not shown]"
        case other:
            return f"[{other}: not shown]"


def _resource(one: Any) -> str:
    text = getattr(one, "text", None)
    if text is not None:
        return str(text)
    return f"[{one.uri}: {one.mime_type or 'bytes'}, {len(one.blob) * 3 // 4:,} bytes: not shown]"
