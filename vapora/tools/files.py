"""Tools for files. Each is a plain function of the workplace and its arguments; what it cannot do it raises."""

from __future__ import annotations

import asyncio

from vapora.errors import BadInputError
from vapora.tools.arguments import CodeSearch, FileEdit, FileList, FileRead, FileWrite
from vapora.tools.scope import Scope
from vapora.tools.values import ToolResult, Workplace
from vapora.unicode import is_unicode

TEXT_BYTES = 40_000
# To find a line in a file, so much of it is looked through.
_LOOKED_THROUGH = 32 * 1024**2
_LARGEST_EDITED = 4 * 1024**2
_MOST_ENTRIES = 1_000
_SNIFFED = 8_192
# Folders of thousands of files that nobody wrote; they are listed, and looked into where they are named.
_UNENTERED = frozenset({"node_modules", ".venv", "venv", "__pycache__", ".tox", ".mypy_cache", "target", "dist"})


async def read(place: Workplace, asked: FileRead) -> ToolResult:
    data, size = await asyncio.to_thread(place.folder.read, asked.path, 0, _LOOKED_THROUGH)
    if b"\0" in data[:_SNIFFED]:
        return ToolResult(False, f"{asked.path} is not text: it has {size:,} bytes, with NUL bytes among them.")
    lines = data.decode("utf-8", "replace").splitlines(keepends=True)
    wanted = lines[asked.first_line - 1 : asked.first_line - 1 + asked.lines]
    if not wanted and asked.first_line > 1:
        return ToolResult(False, f"{asked.path} has only {len(lines):,} lines.")
    text, shown = "", 0
    for number, line in enumerate(wanted, asked.first_line):
        numbered = f"{number:>6}\t{line.rstrip(chr(10))}\n"
        if len(text) + len(numbered) > TEXT_BYTES:
            # A single line that is too long is cut, or the model could never see any of it.
            text += numbered[:TEXT_BYTES] + "…\n" if not shown else ""
            break
        text, shown = text + numbered, shown + 1
    last = asked.first_line + max(shown, 1) - 1
    whole = asked.first_line == 1 and last >= len(lines) and shown == len(wanted) and size <= len(data)
    if not lines:
        return ToolResult(True, f"{asked.path} is empty.")
    end = f"[lines {asked.first_line:,} to {last:,} of {len(lines):,}{'' if size <= len(data) else ' or more'}]\n"
    return ToolResult(True, text if whole else text + end, truncated=not whole)


async def listing(place: Workplace, asked: FileList) -> ToolResult:
    def entries() -> tuple[list[str], bool]:
        found = list[str]()
        for entry in place.folder.entries(asked.path, asked.depth, _UNENTERED):
            if len(found) == _MOST_ENTRIES:
                return found, True
            found.append(entry.path if entry.path.endswith("/") else f"{entry.path}\t{entry.bytes:,}")
        return found, False

    found, cut = await asyncio.to_thread(entries)
    text = "\n".join(_valid(one) for one in found) or "The folder is empty."
    return ToolResult(True, text + (f"\n[only the first {_MOST_ENTRIES:,} entries]" if cut else ""), truncated=cut)


async def write(place: Workplace, asked: FileWrite, scope: Scope) -> ToolResult:
    data = _encoded(asked.content)
    path = await asyncio.to_thread(_in_scope, place, asked.path, scope)
    new = await asyncio.to_thread(place.folder.write, path, data)
    return ToolResult(True, f"{'Made' if new else 'Replaced'} {path}: {len(data):,} bytes.", data={"path": path})


async def edit(place: Workplace, asked: FileEdit, scope: Scope) -> ToolResult:
    path = await asyncio.to_thread(_in_scope, place, asked.path, scope)
    data, size = await asyncio.to_thread(place.folder.read, path, 0, _LARGEST_EDITED + 1)
    if size > _LARGEST_EDITED:
        return ToolResult(False, f"{path} has {size:,} bytes, more than can be edited this way. Use run_command.")
    # As bytes: a file that is not UTF-8 keeps what is not, and line ends stay what they are.
    old, new = _encoded(asked.old), _encoded(asked.new)
    count = data.count(old)
    if count == 0:
        hint = " It has Windows line ends (\\r\\n)." if b"\r\n" in data and "\n" in asked.old else ""
        return ToolResult(
            False, f"The text is not in {path}. Read the file again: it has to match to the letter.{hint}"
        )
    if count > 1 and not asked.everywhere:
        return ToolResult(
            False, f"The text is in {path} {count} times. Give more of its surroundings, or set everywhere."
        )
    if old == new:
        return ToolResult(False, "Old and new text are the same.")
    await asyncio.to_thread(place.folder.write, path, data.replace(old, new))
    return ToolResult(True, f"Replaced {count} occurrence{'s' if count > 1 else ''} in {path}.", data={"path": path})


async def search(place: Workplace, asked: CodeSearch) -> ToolResult:
    path = await asyncio.to_thread(place.folder.resolve, asked.path)
    lines, cut = await place.search(asked.pattern, path, asked.ignore_case, TEXT_BYTES)
    if not lines:
        return ToolResult(True, "Nothing was found.")
    return ToolResult(True, "\n".join(lines) + ("\n[there are more]" if cut else ""), truncated=cut)


def _in_scope(place: Workplace, path: str, scope: Scope) -> str:
    """The path after all symlinks, if the role may write it."""
    found = place.folder.resolve(path)
    if found not in scope:
        raise BadInputError(
            f"Your role may not write {found}.",
            remedy=f"It may write {scope}. Describe what else is needed when you finish.",
        )
    return found


def _encoded(text: str) -> bytes:
    if not is_unicode(text):
        raise BadInputError("The text holds half of a character.", remedy="Send it whole.")
    return text.encode()


def _valid(text: str) -> str:
    """A name that is not UTF-8 as `\\xNN`."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
