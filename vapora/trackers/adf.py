"""Jira Cloud has texts as trees (Atlassian Document Format): as plain text, and back again."""

from __future__ import annotations

from typing import Any

_MOST_DEPTH = 40
_BLOCKS = ("paragraph", "heading", "codeBlock", "blockquote", "listItem", "tableRow", "panel", "taskItem")


def text_of(document: Any) -> str:
    """What it says. An older API has a text there: that is taken as it is."""
    if isinstance(document, str):
        return document
    return "\n".join(line.rstrip() for line in _text(document, 0).split("\n")).strip("\n")


def _text(node: Any, depth: int) -> str:
    if not isinstance(node, dict) or depth > _MOST_DEPTH:
        return ""
    kind, attrs = node.get("type"), node.get("attrs")
    attrs = attrs if isinstance(attrs, dict) else {}
    if kind == "text":
        return node["text"] if isinstance(node.get("text"), str) else ""
    if kind == "hardBreak":
        return "\n"
    if kind in ("mention", "emoji", "status", "inlineCard", "date"):
        return next((str(attrs[name]) for name in ("text", "shortName", "url", "timestamp") if attrs.get(name)), "")
    inner = node.get("content")
    parts = [_text(one, depth + 1) for one in inner] if isinstance(inner, list) else []
    if kind == "listItem":
        return f"- {''.join(parts).strip()}\n"
    if kind == "codeBlock":
        return f"```\n{''.join(parts)}\n```\n\n"
    if kind in ("tableCell", "tableHeader"):
        return f"{''.join(parts).strip()} | "
    return f"{''.join(parts)}\n\n" if kind == "paragraph" else "".join(parts) + ("\n" if kind in _BLOCKS else "")


def document_of(text: str) -> dict[str, Any]:
    """Paragraphs, with the line breaks that the text has."""
    return {"type": "doc", "version": 1, "content": [_paragraph(one) for one in text.strip("\n").split("\n\n")]}


def _paragraph(text: str) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    for number, line in enumerate(text.split("\n")):
        if number:
            content.append({"type": "hardBreak"})
        if line:  # an empty text is none that Jira takes
            content.append({"type": "text", "text": line})
    return {"type": "paragraph", "content": content}
