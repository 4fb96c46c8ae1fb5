"""Work that was written in advance for the demo's cards, as YAML: one file a card, found by the card's title.

A script has sections of turns. A turn says something and calls tools; `finish` ends a section. Which section is right
is seen from what the tools showed in the first turn, and which turn from how many there were. So the same conversation
gets the same answer, in whichever process.

    work      from the beginning
    red       after `finish`, if the checks have failed
    again     on a branch that holds work already: its review asked for changes
    conflict  on a branch with git's conflict markers in its files
    review    what a reviewer of this card's work says
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml  # type: ignore[import-untyped, unused-ignore]
from pydantic import BaseModel, ConfigDict, JsonValue

Section = Literal["work", "red", "again", "conflict"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Turn(_Part):
    """`do`: for each call, the tool's name and its arguments. `{output}` stands for what the last command printed."""

    say: str = ""
    do: tuple[dict[str, dict[str, JsonValue]], ...] = ()
    finish: str | None = None


class Remark(_Part):
    """`at`: text in the line that it is about."""

    path: str
    at: str
    text: str


class Judgement(_Part):
    """Requests changes as long as the patch does not hold the text `unless`."""

    unless: str
    summary: str
    comments: tuple[Remark, ...] = ()


class Script(_Part):
    title: str
    work: tuple[Turn, ...]
    red: tuple[Turn, ...] = ()
    again: tuple[Turn, ...] = ()
    conflict: tuple[Turn, ...] = ()
    review: tuple[Judgement, ...] = ()
    approve: str = ""

    def turns(self, section: Section) -> tuple[Turn, ...]:
        turns: tuple[Turn, ...] = getattr(self, section)
        return turns or _ANYWHERE[section]


# For sections that a script does not have. What is not foreseen is left to a person.
_ANYWHERE: Mapping[str, tuple[Turn, ...]] = {
    "again": (
        Turn(say="The branch holds work already.", do=({"run_command": {"command": "sh check.sh tests"}},)),
        Turn(finish="Left as it is\n\nWhat this branch holds was looked at, and its tests were run:\n\n{output}"),
    ),
    "red": (Turn(finish="Not finished\n\nA check fails for a reason that this rehearsal did not foresee."),),
    "conflict": (Turn(finish="Not finished\n\nA conflict is in the way that this rehearsal did not foresee."),),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """A turn that was taken: for each call, the tool's name, its arguments and its result."""

    calls: tuple[tuple[str, Mapping[str, Any], str], ...]

    def results(self, name: str) -> list[str]:
        return [result for tool, _, result in self.calls if tool == name]


@cache
def scripts() -> tuple[Script, ...]:
    folder = files("vapora.llm.rehearsal") / "scripts"
    return tuple(
        Script.model_validate(yaml.safe_load(place.read_text(encoding="utf-8")))
        for place in sorted(folder.iterdir(), key=lambda one: one.name)
        if place.name.endswith(".yaml")
    )


def script_for(brief: str) -> Script | None:
    """By a heading of the brief that holds its title."""
    headings = [line for line in brief.splitlines() if line.startswith("# ")]
    return next((one for one in scripts() if any(one.title in line for line in headings)), None)


def opening(since_base: bool) -> Turn:
    """What every run begins with, whatever the repository: it looks."""
    do: list[dict[str, dict[str, JsonValue]]] = [{"file_list": {}}, {"git_log": {"count": 5}}]
    if since_base:
        do += [{"git_diff": {"since": "base"}}, {"code_search": {"pattern": "^<<<<<<< "}}]
    return Turn(say="First I look at what is here.", do=tuple(do))


def is_home(look: Seen) -> bool:
    """Whether this is the repository that the scripts were written for."""
    listed = "\n".join(look.results("file_list"))
    return all(re.search(rf"^{re.escape(name)}(\t|$)", listed, re.MULTILINE) for name in ("check.sh", "shortleaf/"))


def next_turn(script: Script, seen: Sequence[Seen]) -> Turn:
    """`seen`: the turns of this run so far, the opening first."""
    section = _section(script, seen[0])
    taken = len(seen) - 1
    turns = script.turns(section)
    if taken < len(turns):
        return _filled(turns[taken], seen)
    turns = script.turns("red")
    return _filled(turns[min(taken - len(script.turns(section)), len(turns) - 1)], seen)


def _section(script: Script, look: Seen) -> Section:
    if any("<<<<<<< " in found for found in look.results("code_search")):
        return "conflict"
    if any(found.startswith("diff --git") for found in look.results("git_diff")):
        return "again"
    return "work"


def _filled(turn: Turn, seen: Sequence[Seen]) -> Turn:
    """With what the tools showed in place of `{output}`, and with the edits that `resolve` stands for."""

    def fill(value: JsonValue) -> JsonValue:
        return value.replace("{output}", last_output(seen)) if isinstance(value, str) else value

    do = tuple(
        {
            name: {key: fill(value) for key, value in arguments.items()}
            for name, arguments in _resolved(call, seen).items()
        }
        for call in turn.do
    )
    finish = turn.finish if turn.finish is None else turn.finish.replace("{output}", last_output(seen))
    return turn.model_copy(update={"do": do, "finish": finish})


def _resolved(call: dict[str, dict[str, JsonValue]], seen: Sequence[Seen]) -> dict[str, dict[str, JsonValue]]:
    """`resolve` of a path and a text: an edit that puts the text in place of the first conflict that was read there."""
    if "resolve" not in call:
        return call
    path, text = str(call["resolve"]["path"]), str(call["resolve"]["text"])
    read = _text_of(path, seen)
    begin, end = read.find("<<<<<<< "), read.find("\n", read.find(">>>>>>> "))
    return {"file_edit": {"path": path, "old": read[begin : end + 1], "new": text}}


def _text_of(path: str, seen: Sequence[Seen]) -> str:
    """What the last `file_read` of the path showed, without the numbers of its lines."""
    for one in reversed(seen):
        for name, arguments, result in one.calls:
            if name == "file_read" and arguments.get("path") == path:
                return re.sub(r"^ *\d+\t", "", result, flags=re.MULTILINE)
    return ""


def last_output(seen: Sequence[Seen]) -> str:
    for one in reversed(seen):
        for result in reversed(one.results("run_command")):
            shown = result.rstrip().removesuffix("[exit code 0]").rstrip()
            return "\n".join(f"    {line}".rstrip() for line in shown.splitlines())
    return "    (nothing)"


def judgement(script: Script | None, patch: str) -> Judgement | None:
    """What is still wrong with the patch; None: nothing."""
    return next((one for one in script.review if one.unless not in patch), None) if script else None


def line_of(patch: str, path: str, text: str) -> int | None:
    """The number, in the new file, of the first line of a patch that holds the text."""
    number, here = 0, False
    for line in patch.splitlines():
        if line.startswith("+++ "):
            here = line.removeprefix("+++ b/") == path
        elif found := re.match(r"@@ -\d+(?:,\d+)? \+(\d+)", line):
            number = int(found[1])
        elif here and line[:1] in ("+", " "):
            if text in line:
                return number
            number += 1
    return None
