"""Every type of event that the log can hold, by the module that defines it."""

from __future__ import annotations

import inspect
import re
import sys
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, get_args

from docs.generate.markdown import contents, docstring, joined, plain, table
from events import DomainEvent, topics

_INTRODUCTION = """# Events

Everything that happens is one of these, in the log under its topic. A topic and a field once written are for ever; a
version that changes brings an upcast for what was written before. `GET /events` and `vapora log tail` show them."""


def pages() -> Mapping[str, str]:
    by_module: dict[str, dict[str, type[DomainEvent]]] = defaultdict(dict)
    for topic, event in sorted(topics().items()):
        by_module[event.__module__.rpartition(".")[2]][topic] = event
    names = sorted(by_module)
    made = {f"events/{name}.md": _page(name, by_module[name]) for name in names}
    made["events/index.md"] = joined(_INTRODUCTION, contents(names))
    return made


def _page(name: str, events: Mapping[str, type[DomainEvent]]) -> str:
    module = sys.modules[f"events.{name}"]
    parts = [f"# {name.replace('_', ' ').capitalize()}", docstring(module)]
    for topic, event in events.items():
        fields = [
            (f"`{field}`", f"`{_shown(info.annotation)}`", "yes" if info.is_required() else "")
            for field, info in event.model_fields.items()
        ]
        said = plain(inspect.cleandoc(event.__doc__)) if event.__doc__ else ""
        parts += [f"## `{topic}`", f"Version {event.VERSION}.", said]
        parts.append(table(("field", "type", "required"), fields))
    return joined(*parts)


def _shown(annotation: Any) -> str:
    plain_type = isinstance(annotation, type) and not get_args(annotation)
    text = annotation.__name__ if plain_type else str(annotation)
    return re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Z])|\bdatetime\.(?=datetime)", "", text)
