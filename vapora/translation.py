"""What a driver, a library or the system raises, as an error of ours that says what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def translated(
    kinds: type[Exception] | tuple[type[Exception], ...],
    into: Callable[[Exception], Exception],
    *,
    but: type[Exception] | tuple[type[Exception], ...] = (),
) -> Iterator[None]:
    """Raise `into(error)` for errors of these kinds, with the first one as its cause; those of `but` as they are."""
    try:
        yield
    except but:
        raise
    except kinds as error:
        raise into(error) from error


def remedy_for(text: str, remedies: Mapping[str, str], otherwise: str) -> str:
    """The remedy of the first sign, in small letters, that stands in the text."""
    said = text.lower()
    return next((remedy for sign, remedy in remedies.items() if sign in said), otherwise)
