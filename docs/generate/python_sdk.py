"""What the Python SDK offers: each public class with its methods, as their signatures and docstrings have them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any

import vapora
from docs.generate.markdown import contents, docstring, joined
from vapora import sdk

_INTRODUCTION = """# Python SDK

`from vapora import Client, AsyncClient`. Both have the same methods; those of `AsyncClient` are awaited. What comes
back is an object with the fields that the [API](../api/index.md) names."""


def pages() -> Mapping[str, str]:
    classes = {name: one for name in sorted(sdk.__all__) if inspect.isclass(one := getattr(sdk, name))}
    shown = {name: one for name, one in classes.items() if one.__module__.startswith("vapora.sdk")}
    made = {f"sdk/{name}.md": _page(name, one) for name, one in shown.items()}
    functions = [name for name in vapora.__all__ if inspect.isfunction(getattr(vapora, name))]
    told = [_method(f"vapora.{name}", getattr(vapora, name)) for name in functions]
    made["sdk/index.md"] = joined(_INTRODUCTION, *told, contents(shown))
    return made


def _page(name: str, cls: type) -> str:
    parts = [f"# {name}", docstring(cls)]
    if not issubclass(cls, BaseException) and "__init__" in dir(cls):
        parts.append(_signature(name, cls))
    parts += [_method(member, one) for member, one in _members(cls)]
    return joined(*parts)


def _members(cls: type) -> Iterator[tuple[str, Any]]:
    """The public ones, its own and those of our classes that it is made of."""
    ours = [one for one in cls.__mro__ if one.__module__.startswith("vapora.sdk")]
    found = {name: one for base in reversed(ours) for name, one in vars(base).items() if not name.startswith("_")}
    for name, one in sorted(found.items()):
        if inspect.isfunction(one) or isinstance(one, property | classmethod | staticmethod):
            yield name, one


def _method(name: str, member: Any) -> str:
    if isinstance(member, property):
        return joined(f"## {name}", docstring(member))
    function = getattr(member, "__func__", member)
    return joined(f"## {name}", _signature(name, function), docstring(function))


def _signature(name: str, function: Any) -> str:
    try:
        signature = inspect.signature(function)
    except ValueError:
        return ""
    given = [one for one in signature.parameters.values() if one.name != "self"]
    shown = str(signature.replace(parameters=given))
    shown = re.sub(r"'([^']*)'(?=[,)=\s]|$)", r"\1", shown)
    kind = "async " if inspect.iscoroutinefunction(function) else ""
    return f"```python\n{kind}def {name}{shown}: ...\n```" if kind or not inspect.isclass(function) else ""
