"""Texts that are Unicode, and those that are not quite.

JSON may hold half of a character: an escape that names one of the two surrogates of UTF-16, as vendors and gateways
send it that cut texts by UTF-16's units. So may a command's argument that is not UTF-8. Python keeps it, and then no
log, file or request takes the text.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, JsonValue


def mended(text: str) -> str:
    """Halves that stand side by side as the one character they are, each other half as U+FFFD."""
    return text if is_unicode(text) else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def is_unicode(text: str) -> bool:
    """Whether it can be stored and sent."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def says_something(text: str) -> bool:
    """Whether a reader would see anything: not where all of it is white space and invisible characters."""
    return not all(_is_invisible(one) for one in text)


def one_line(text: str) -> str:
    """Without control and other invisible characters; any run of them and of white space is one space."""
    return " ".join("".join(" " if _is_invisible(one) else one for one in text).split())


def _is_invisible(character: str) -> bool:
    """White space, a control character, or one that only changes how others are shown."""
    category = unicodedata.category(character)
    return category[0] == "Z" or category in ("Cc", "Cf")


def _mended_object(value: dict[str, JsonValue]) -> dict[str, Any]:
    text = json.dumps(value, ensure_ascii=False)
    return value if is_unicode(text) else dict(json.loads(mended(text)))


def ends_in_half(text: str) -> bool:
    """Whether the other half of its last character may be in the next piece."""
    return "\ud800" <= text[-1:] <= "\udbff"


# For what a vendor says.
Unicode = Annotated[str, AfterValidator(mended)]
UnicodeObject = Annotated[dict[str, JsonValue], AfterValidator(_mended_object)]
