"""Thoughts that a local model writes in front of its answer, `<think>…</think>`: they are no part of its text."""

from __future__ import annotations

_TAGS = (("<think>", "</think>"), ("<thinking>", "</thinking>"))


class Thoughts:
    """Takes a text in pieces and leaves leading think blocks out. A block that never closes takes all that follows."""

    def __init__(self) -> None:
        self._held = ""  # what cannot be told yet from a tag
        self._closing = ""  # the tag that ends the block which is open
        self._began = False  # the answer itself has begun: from here on everything is text
        self._after_block = False

    def take(self, piece: str) -> str:
        """What of the text so far is certainly answer, and was not given out before."""
        if self._began:
            return piece
        self._held += piece
        while True:
            if self._closing:
                _, found, rest = self._held.partition(self._closing)
                if not found:
                    self._held = self._held[-len(self._closing) :]  # half of the tag may be in the next piece
                    return ""
                self._held, self._closing, self._after_block = rest, "", True
            start = self._held.lstrip()
            opened = next(((tag, closing) for tag, closing in _TAGS if start.startswith(tag)), None)
            if opened is not None:
                self._held, self._closing = start.removeprefix(opened[0]), opened[1]
            elif any(tag.startswith(start) for tag, _ in _TAGS):
                return ""
            else:
                return self.rest()

    def rest(self) -> str:
        """At the end of the text: what was held back and is answer after all."""
        if self._closing:
            return ""
        self._began = True
        text, self._held = self._held, ""
        return text.lstrip() if self._after_block else text


def without_thoughts(text: str) -> str:
    thoughts = Thoughts()
    return thoughts.take(text) + thoughts.rest()
