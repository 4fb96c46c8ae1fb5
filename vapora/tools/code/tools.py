"""The tools: which files are looked through, and what the model gets to read."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from vapora.errors import NotFoundError, VaporaError
from vapora.tools.arguments import CodeComplexity, CodeOutline, CodeReferences, CodeStructuralSearch, CodeSymbols
from vapora.tools.code.languages import language_of
from vapora.tools.code.parsing import Parsed, Source, parse
from vapora.tools.values import ToolResult, Workplace
from vapora.unicode import is_unicode

_TEXT_BYTES = 40_000
# Of one question.
_MOST_FILES = 20_000
_MOST_PARSED = 3_000
_MOST_BYTES = 24 * 1024**2
# Larger ones were made by a program.
_LARGEST_FILE = 512 * 1024
_MOST_FOUND = 1_000
_MOST_FUNCTIONS = 50
_MOST_NAMED = 5

Found = dict[str, Any]


@dataclass(slots=True)
class _Gathered:
    """`left_out`: files that are too large; `more`: there are files beyond what one question may look through."""

    sources: list[Source]
    left_out: list[str]
    more: bool = False


async def symbols(place: Workplace, asked: CodeSymbols) -> ToolResult:
    gathered = await _gather(place, asked.path, _holds(asked.name, ignore_case=True))
    parsed = await parse("symbols", gathered.sources, _MOST_FOUND, name=asked.name)
    lines = (f"{path}:{_definition(one)}" for path, found in parsed.found.items() for one in found)
    return _result(lines, parsed, gathered, "No definition was found.")


async def references(place: Workplace, asked: CodeReferences) -> ToolResult:
    gathered = await _gather(place, asked.path, _holds(asked.name))
    parsed = await parse("references", gathered.sources, _MOST_FOUND, name=asked.name)
    lines = (
        f"{path}:{one['line_number']}: {one['role']}{_in(one)}: {one['line']}"
        for path, found in parsed.found.items()
        for one in found
    )
    return _result(lines, parsed, gathered, f"No code names {asked.name}.")


async def outline(place: Workplace, asked: CodeOutline) -> ToolResult:
    gathered = await _gather(place, asked.path)
    parsed = await parse("outline", gathered.sources, _MOST_FOUND)
    lines = (
        line
        for path, found in parsed.found.items()
        for line in (path, *(f"  {'  ' * _depth(one)}{_definition(one)}" for one in found))
    )
    return _result(lines, parsed, gathered, "Nothing is defined there.")


async def complexity(place: Workplace, asked: CodeComplexity) -> ToolResult:
    gathered = await _gather(place, asked.path)
    parsed = await parse("complexity", gathered.sources, 50 * _MOST_FOUND)
    functions = [(path, one) for path, found in parsed.found.items() for one in found]
    worst = sorted((one for one in functions if one[1]["ways"] >= asked.least), key=lambda one: -one[1]["ways"])
    lines = [
        f"{one['ways']:>4} ways, {one['depth']} deep: {path}:{_span(one)} {_full_name(one) or '(no name)'}"
        for path, one in worst[:_MOST_FUNCTIONS]
    ]
    if len(worst) > _MOST_FUNCTIONS:
        lines.append(f"[and {len(worst) - _MOST_FUNCTIONS:,} more with at least {asked.least}]")
    nothing = f"None of {len(functions):,} functions has {asked.least} ways through it."
    return _result(lines, parsed, gathered, nothing)


async def structural_search(place: Workplace, asked: CodeStructuralSearch) -> ToolResult:
    # What no hole stands for has to be there to the letter.
    words = re.findall(r"(?<![$\w])[A-Za-z_]\w{2,}", asked.pattern)
    gathered = await _gather(place, asked.path, _holds(*words), asked.language)
    parsed = await parse("structural_search", gathered.sources, _MOST_FOUND, pattern=asked.pattern)
    if parsed.problems and not parsed.found and len(parsed.problems) == len(gathered.sources):
        return ToolResult(False, f"The pattern cannot be used: {next(iter(parsed.problems.values()))}")
    lines = (f"{path}:{_span(one)}{_in(one)}: {one['line']}" for path, found in parsed.found.items() for one in found)
    return _result(lines, parsed, gathered, "Nothing has this form.")


async def _gather(
    place: Workplace, path: str, wanted: Callable[[bytes], bool] = lambda data: True, language: str = ""
) -> _Gathered:
    """The files at or below the path whose language is known, and whose text is `wanted`."""
    where = await asyncio.to_thread(place.folder.resolve, path)
    names = await place.files(where, _MOST_FILES)
    if not names:
        raise NotFoundError(f"There is no file at {path}.", remedy="file_list shows which there are.")
    known = [(name, one.id) for name in names if (one := language_of(name)) is not None]
    if language:
        known = [(name, one) for name, one in known if one == language]
    if not known:
        wish = f"{language} code" if language else "code that can be analysed"
        raise NotFoundError(f"There is no {wish} at {path}.", remedy="Use code_search and file_read there.")

    def read() -> _Gathered:
        gathered, size = _Gathered([], [], more=len(names) == _MOST_FILES), 0
        for name, one in known:
            try:
                data, whole = place.folder.read(name, 0, _LARGEST_FILE)
            except (VaporaError, OSError):
                continue  # deleted and not committed yet, or a link that leads elsewhere
            if whole > len(data):
                gathered.left_out.append(name)
            elif wanted(data):
                size += len(data)
                if size > _MOST_BYTES or len(gathered.sources) == _MOST_PARSED:
                    gathered.more = True
                    break
                gathered.sources.append(Source(name, data.decode("utf-8", "replace"), one))
        return gathered

    return await asyncio.to_thread(read)


def _holds(*words: str, ignore_case: bool = False) -> Callable[[bytes], bool]:
    """Whether a file has a chance at all: parsing it takes a hundred times as long."""
    parts = [word.encode() for word in words if word and is_unicode(word)]
    if ignore_case:
        return lambda data: all(part.lower() in data.lower() or not part.isascii() for part in parts)
    return lambda data: all(part in data for part in parts)


def _span(one: Found) -> str:
    return f"{one['first']}" if one["first"] == one["last"] else f"{one['first']}-{one['last']}"


def _full_name(one: Found) -> str:
    return ".".join(part for part in (one["inside"], one["name"]) if part)


def _depth(one: Found) -> int:
    return one["inside"].count(".") + 1 if one["inside"] else 0


def _in(one: Found) -> str:
    return f" in {one['inside']}" if one["inside"] else ""


def _definition(one: Found) -> str:
    return f"{_span(one)}: {one['kind']} {_full_name(one)}: {one['line']}"


def _result(lines: Iterable[str], parsed: Parsed, gathered: _Gathered, nothing: str) -> ToolResult:
    """As much as fits, and what was left out, so that nobody takes it for all there is."""
    text, cut = "", parsed.cut
    for line in lines:
        if len(text) + len(line) > _TEXT_BYTES:
            cut = True
            break
        text += f"{line}\n"
    notes = ["there is more: name a folder or a file"] if cut or gathered.more else []
    if parsed.unread:
        notes.append(f"the time was not enough for {parsed.unread:,} files: name a folder or a file")
    if left_out := [*gathered.left_out, *parsed.problems]:
        more = f" and {len(left_out) - _MOST_NAMED:,} more" if len(left_out) > _MOST_NAMED else ""
        notes.append(f"not looked through, too large or not to be parsed: {', '.join(left_out[:_MOST_NAMED])}{more}")
    text = text or f"{nothing}\n"
    return ToolResult(True, text + "".join(f"[{note}]\n" for note in notes), truncated=bool(notes))
