"""Every setting with its type and default, from the code, and its meaning, from the tables of `docs/operations.md`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from docs.generate.markdown import joined, table
from vapora.settings import Settings

_OPERATIONS = Path(__file__).parents[1] / "operations.md"
_INTRODUCTION = """# Settings

Each of them is a variable of the environment with the prefix `VAPORA_`, or a key of `vapora.toml` without it, in small
letters; the environment goes first. [Operations](../operations.md#settings) has them by what they are for."""


def pages() -> Mapping[str, str]:
    told = meanings(_OPERATIONS.read_text(encoding="utf-8"))
    rows = [
        (f"`VAPORA_{name.upper()}`", f"`{_type(field)}`", _default(field), told.get(name.upper(), ""))
        for name, field in sorted(Settings.model_fields.items())
    ]
    return {"settings.md": joined(_INTRODUCTION, table(("name", "type", "default", "meaning"), rows))}


def meanings(text: str) -> dict[str, str]:
    """The last column of each table of settings. A link leads from `docs/reference` then."""
    rows = re.findall(r"^\| `VAPORA_([A-Z_]+)` \| [^|]+ \| (.*) \|$", text, re.MULTILINE)
    moved = {name: re.sub(r"\]\((?!https?:|#)", "](../", said) for name, said in rows}
    return {name: said.replace("](#", "](../operations.md#").replace("\\|", "|") for name, said in moved.items()}


def _type(field: FieldInfo) -> str:
    plain = isinstance(field.annotation, type)
    shown = field.annotation.__name__ if plain and field.annotation is not None else str(field.annotation)
    return re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Z])", "", shown).replace("SecretStr", "secret")


def _default(field: FieldInfo) -> str:
    default = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
    if default is None or default == "" or default is PydanticUndefined:
        return "none"
    return f"`{default}`"
