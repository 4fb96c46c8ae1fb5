"""Vectors of texts on the wire, in the shapes of the vendors that make them.

A vector counts the text's words: two texts are as near each other as they have words in common.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from vapora.llm.protocol import Provider

_OPENAI, _OLLAMA, _GEMINI = "/v1/embeddings", "/api/embed", ":batchEmbedContents"
PATHS = {Provider.OPENAI: _OPENAI, Provider.OLLAMA: _OLLAMA}


def texts_of(path: str, body: dict[str, Any]) -> list[str] | None:
    """None: it is no request for vectors."""
    if path.endswith(_GEMINI):
        return ["".join(part["text"] for part in one["content"]["parts"]) for one in body["requests"]]
    if path.endswith((_OPENAI, _OLLAMA)):
        said = body["input"]
        return [said] if isinstance(said, str) else list(said)
    return None


def tokens_of(texts: Sequence[str]) -> int:
    return sum(-(-len(text.encode()) // 4) for text in texts)


def answer(path: str, model: str, body: dict[str, Any], texts: Sequence[str]) -> dict[str, Any]:
    if path.endswith(_GEMINI):
        sizes = [one.get("outputDimensionality") for one in body["requests"]]
        return {"embeddings": [{"values": _vector(text, size)} for text, size in zip(texts, sizes, strict=True)]}
    vectors = [_vector(text, body.get("dimensions")) for text in texts]
    if path.endswith(_OLLAMA):
        return {"model": model, "embeddings": vectors, "prompt_eval_count": tokens_of(texts)}
    data = [{"object": "embedding", "index": at, "embedding": vector} for at, vector in enumerate(vectors)]
    usage = {"prompt_tokens": tokens_of(texts), "total_tokens": tokens_of(texts)}
    # Their order is told by their index.
    return {"object": "list", "model": model, "data": data[::-1], "usage": usage}


def _vector(text: str, size: int | None) -> list[float]:
    found = [0.0] * (size or 32)
    for word in re.findall(r"\w+", text.lower()):
        found[int.from_bytes(sha256(word.encode()).digest()[:4]) % len(found)] += 1.0
    return found
