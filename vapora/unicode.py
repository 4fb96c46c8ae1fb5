"""Texts that are Unicode, those that are not quite, and how one is shown to people.

JSON may hold half of a character: an escape that names one of the two surrogates of UTF-16, as vendors and gateways
send it that cut texts by UTF-16's units. So may a command's argument that is not UTF-8. Python keeps it, and then no
log, file or request takes the text.
"""

from __future__ import annotations

import json
import re
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


# What a terminal obeys (C0, C1 and DEL but for the line feed and the tab), what reorders text (marks, embeddings,
# overrides and isolates), what ends a line without looking so, what is invisible (the tag characters too), and halves.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def printable(text: str) -> str:
    """Text that somebody else wrote, for a terminal: what would act on it or hide in it is shown as a Python escape,
    such as \\x1b or \\u202e. Line feeds and tabs stay. Applied again it changes nothing."""
    return _HIDDEN.sub(_escape, text.replace("\r\n", "\n"))


def printable_json(text: str) -> str:
    """JSON that means the same, in which nothing hides: such characters can only stand inside its strings."""
    return _HIDDEN.sub(lambda found: json.dumps(found[0])[1:-1], text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


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
