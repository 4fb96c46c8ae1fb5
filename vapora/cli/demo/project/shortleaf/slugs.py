"""Slugs: the short part of a short link."""

from __future__ import annotations

import hashlib

# Without characters that are easily taken for one another: 0 and o, 1 and l and i.
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
LENGTH = 5


def slug_for(target: str, length: int = LENGTH) -> str:
    """`length` characters; the same target always gets the same ones."""
    number = int.from_bytes(hashlib.sha256(target.encode()).digest(), "big")
    found = ""
    for _ in range(length):
        number, index = divmod(number, len(ALPHABET))
        found += ALPHABET[index]
    return found
