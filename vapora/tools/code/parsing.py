"""Has files parsed in a process of their own (`worker`), and takes what it says, as far as it comes."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vapora.tools.code.languages import LANGUAGES

_WORKER = Path(__file__).with_name("worker.py")
# All files together.
LIMIT_S = 20.0
# Files that end the parser are left out; after so many it is the parser.
_MOST_CRASHES = 3
_LONGEST_ANSWER = 8 * 1024**2


@dataclass(frozen=True, slots=True)
class Source:
    path: str
    text: str
    language: str


@dataclass(slots=True)
class Parsed:
    """`found`: by path, as `worker` says for each question. `problems`: by path, why it could not be looked through.
    `cut`: there is more than was asked for. `unread`: files that the time was not enough for. `answered`: files of the
    request that is under way."""

    found: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    unread: int = 0
    answered: int = 0


async def parse(
    question: str, files: Sequence[Source], most: int, *, name: str = "", pattern: str = "", limit_s: float = LIMIT_S
) -> Parsed:
    """`most`: so many findings at most. Never raises for what stands in a file."""
    parsed, left, crashes = Parsed(), list(files), 0
    asked = {"question": question, "name": name, "pattern": pattern, "languages": _languages()}
    try:
        async with asyncio.timeout(limit_s):
            while left and not parsed.cut and crashes < _MOST_CRASHES:
                known = sum(map(len, parsed.found.values()))
                parsed.answered = 0
                await _ask(asked | {"files": [asdict(one) for one in left], "most": most - known}, parsed)
                left = left[parsed.answered :]
                if left and not parsed.cut:
                    crashes += 1
                    parsed.problems[left.pop(0).path] = "the parser ended on it"
    except TimeoutError:
        left = left[parsed.answered :]
    parsed.unread = 0 if parsed.cut else len(left)
    return parsed


def _languages() -> dict[str, dict[str, Any]]:
    return {one.id: {name: _plain(getattr(one, name)) for name in one.__slots__} for one in LANGUAGES.values()}


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


async def _ask(request: dict[str, Any], parsed: Parsed) -> None:
    """It answers for one file after the other; for all, unless it ends on one."""
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", str(_WORKER)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
        limit=_LONGEST_ANSWER,
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    writing = asyncio.create_task(_write(worker.stdin, json.dumps(request).encode()))
    try:
        while line := await worker.stdout.readline():
            answer = json.loads(line)
            parsed.answered += 1
            if "problem" in answer:
                parsed.problems[answer["path"]] = answer["problem"]
            elif answer["found"]:
                parsed.found[answer["path"]] = answer["found"]
            parsed.cut = parsed.cut or answer.get("more", False)
        await worker.wait()
    except BaseException:
        # Only who is still at work is killed: whoever has ended would be waited for twice.
        with suppress(ProcessLookupError):
            worker.kill()
        await worker.wait()
        raise
    finally:
        writing.cancel()


async def _write(pipe: asyncio.StreamWriter, data: bytes) -> None:
    try:
        pipe.write(data)
        await pipe.drain()
        pipe.close()
    except (BrokenPipeError, ConnectionResetError):
        pass  # it ended, which its output shows
