"""Every setting with its type, from the code, and its default and meaning, from the tables of `docs/operations.md`,
which a test holds against the code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from pydantic.fields import FieldInfo

from docs.generate.markdown import joined, table
from vapora.settings import Settings

_OPERATIONS = Path(__file__).parents[1] / "operations.md"
_INTRODUCTION = """# Settings

Each of them is a variable of the environment with the prefix `VAPORA_`, or a key of `vapora.toml` without it, in small
letters; the environment goes first. [Operations](../operations.md#settings) has them by what they are for."""


def pages() -> Mapping[str, str]:
    told = rows_of(_OPERATIONS.read_text(encoding="utf-8"))
    rows = [
        (f"`VAPORA_{name.upper()}`", f"`{_type(field)}`", *told[name.upper()])
        for name, field in sorted(Settings.model_fields.items())
    ]
    return {"settings.md": joined(_INTRODUCTION, table(("name", "type", "default", "meaning"), rows))}


def rows_of(text: str) -> dict[str, tuple[str, str]]:
    """Default and meaning of each setting, as the tables have them. A link leads from `docs/reference` then."""
    return {
        name: (default, _moved(said))
        for name, default, said in re.findall(r"^\| `VAPORA_([A-Z_]+)` \| ([^|]+) \| (.*) \|$", text, re.MULTILINE)
    }


def _moved(said: str) -> str:
    below = re.sub(r"\]\((?!https?:|#)", "](../", said)
    return below.replace("](#", "](../operations.md#").replace("\\|", "|")


def _type(field: FieldInfo) -> str:
    plain = isinstance(field.annotation, type)
    shown = field.annotation.__name__ if plain and field.annotation is not None else str(field.annotation)
    return re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Z])", "", shown).replace("SecretStr", "secret")
