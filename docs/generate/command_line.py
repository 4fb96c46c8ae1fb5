"""Every command with its arguments and options, from the command line's own help."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from typer.main import get_command

from docs.generate.markdown import contents, joined, plain, table
from vapora.cli.main import app

_INTRODUCTION = """# Command line

`vapora --help` and `vapora COMMAND --help` say the same. Where a command asks a server, `VAPORA_URL` names it
(`http://127.0.0.1:8000` if nothing else does) and `VAPORA_TOKEN` says who asks."""

_KINDS = {"str": "text", "list": "text", "int": "number", "float": "number"}


def pages() -> Mapping[str, str]:
    root = get_command(app)
    commands = {name: one for name, one in sorted(_below(root).items()) if not one.hidden}
    made = {f"cli/{name}.md": _page(f"vapora {name}", one) for name, one in commands.items()}
    made["cli/index.md"] = joined(_INTRODUCTION, contents(commands))
    return made


def _below(command: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = getattr(command, "commands", {})
    return found


def _page(path: str, command: Any) -> str:
    parts = [f"# {path}", _help(command)]
    if not _below(command):
        return joined(*parts, *_usage(path, command))
    for below, one in _leaves(path, command):
        parts += [f"## {below}", _help(one), *_usage(below, one)]
    return joined(*parts)


def _leaves(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    if getattr(command, "invoke_without_command", False):
        yield path, command
    for name, one in _below(command).items():
        if _below(one):
            yield from _leaves(f"{path} {name}", one)
        elif not one.hidden:
            yield f"{path} {name}", one


def _help(command: Any) -> str:
    return plain(inspect.cleandoc(command.help or ""))


def _usage(path: str, command: Any) -> list[str]:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
    shown = " ".join(_named(one) for one in arguments)
    usage = f"```text\n{' '.join([path, *(['[OPTIONS]'] if options else []), shown]).strip()}\n```"
    rows = [(f"`{_named(one)}`", plain(one.help or "")) for one in arguments]
    rows += [(_options(one), plain(one.help or "")) for one in options]
    return [usage, table(("", "meaning"), rows)]


def _named(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    name = f"{name}..." if argument.nargs == -1 and not name.endswith("...") else name
    return name if argument.required or name.startswith("[") else f"[{name}]"


def _options(option: Any) -> str:
    names = ", ".join(f"`{one}`" for one in (*option.opts, *option.secondary_opts))
    return names if option.is_flag else f"{names} `{option.metavar or _kind(option)}`"


def _kind(option: Any) -> str:
    annotation = option.type_descriptor.annotation
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "|".join(str(one.value) for one in annotation)
    name = str(getattr(annotation, "__name__", "text"))
    return _KINDS.get(name, name).upper()
