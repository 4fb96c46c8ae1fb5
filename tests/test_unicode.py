from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapora.unicode import printable, printable_json

HOSTILE = (
    "Red \x1b[31mred \x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\ \x1b[2J"
    "\x9b2J\x07\r\x7f\u202egnp.exe\u2066\u2028\U000e0041"
)
ANY_TEXT = st.text(st.characters(exclude_categories=()))


def acts(character: str) -> bool:
    """Whether a terminal would do anything but show it, apart from line feed and tab."""
    category = unicodedata.category(character)
    bidi = unicodedata.bidirectional(character) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    return character not in "\n\t" and (category in {"Cc", "Cs", "Zl", "Zp"} or bidi)


@given(ANY_TEXT)
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    shown = printable(text)
    assert not any(map(acts, shown))
    assert printable(shown) == shown


@given(st.text(st.characters(exclude_categories=("C", "Z"))))
def test_what_is_only_to_be_read_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_an_escape_is_seen() -> None:
    assert printable("a\x1b[2Jb\u202ec\U000e0041\r\nd\te") == "a\\x1b[2Jb\\u202ec\\U000e0041\nd\te"


@pytest.mark.parametrize("text", ["Zoë", "家族 👨‍👩‍👧", "می\u200cخواهم", "naïve — “quoted” … ½"])
def test_writing_of_all_kinds_is_left_alone(text: str) -> None:
    assert printable(text) == text


@given(st.dictionaries(ANY_TEXT.filter(str.isprintable), ANY_TEXT))
def test_json_means_the_same_and_hides_nothing(value: dict[str, str]) -> None:
    shown = printable_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(shown) == value
    assert not any(map(acts, shown))
