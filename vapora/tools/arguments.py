"""The arguments of each tool. Their JSON Schema goes to the model, and what comes back is checked by them.

Optional arguments have a plain default instead of null: not every vendor takes `anyOf` in a tool's schema.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

MOST_LINES = 2_000
MOST_WRITTEN = 1_000_000
LONGEST_COMMAND_S = 600

Path = Annotated[str, Field(min_length=1, max_length=1_000, description="Path from the root of the worktree.")]


class Arguments(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def schema_for_models(cls) -> dict[str, Any]:
        """JSON Schema of type object, without what only pydantic needs."""
        return plain(cls.model_json_schema())


class FileRead(Arguments):
    path: Path
    first_line: int = Field(default=1, ge=1, description="Where to begin, counted from 1.")
    lines: int = Field(default=400, ge=1, le=MOST_LINES, description="How many lines at most.")


class FileList(Arguments):
    path: Path = Field(default=".", description="Folder to list, from the root of the worktree.")
    depth: int = Field(default=2, ge=1, le=10, description="How many levels of folders.")


class FileWrite(Arguments):
    path: Path
    content: str = Field(max_length=MOST_WRITTEN, description="The whole content of the file.")


class FileEdit(Arguments):
    path: Path
    old: str = Field(min_length=1, max_length=MOST_WRITTEN, description="Text as it is in the file now, to the letter.")
    new: str = Field(max_length=MOST_WRITTEN, description="Text to stand in its place.")
    everywhere: bool = Field(default=False, description="Replace each occurrence; else it has to be the only one.")


class CodeSearch(Arguments):
    pattern: str = Field(min_length=1, max_length=1_000, description="Extended regular expression, for single lines.")
    path: Path = Field(default=".", description="File or folder to search, from the root of the worktree.")
    ignore_case: bool = False


_SOURCE = "File or folder with source code, from the root of the worktree."


class CodeSymbols(Arguments):
    name: str = Field(default="", max_length=200, description="Part of the name, in whatever case; empty: all.")
    path: Path = Field(default=".", description=_SOURCE)


class CodeReferences(Arguments):
    name: str = Field(pattern=r"^[^\s.()]+$", max_length=200, description="The whole name, without what it belongs to.")
    path: Path = Field(default=".", description=_SOURCE)


class CodeOutline(Arguments):
    path: Path = Field(description=_SOURCE)


class CodeComplexity(Arguments):
    path: Path = Field(default=".", description=_SOURCE)
    least: int = Field(default=5, ge=1, le=1_000, description="Functions with fewer ways through them are left out.")


class CodeStructuralSearch(Arguments):
    pattern: str = Field(
        min_length=1,
        max_length=2_000,
        description="Code with holes: $NAME for one part, $$$NAME for any number, as in `except $E: pass`.",
    )
    language: Literal["python", "javascript", "typescript", "tsx", "go", "rust", "java"]
    path: Path = Field(default=".", description=_SOURCE)


class GitStatus(Arguments):
    pass


class GitDiff(Arguments):
    path: Path = Field(default=".", description="File or folder, from the root of the worktree.")
    since: Literal["commit", "base"] = Field(
        default="commit", description="Changes since the last commit, or since the task's branch began."
    )


class GitLog(Arguments):
    path: Path = Field(default=".", description="File or folder, from the root of the worktree.")
    count: int = Field(default=20, ge=1, le=200)


class RunCommand(Arguments):
    command: str = Field(min_length=1, max_length=20_000, description="For /bin/sh -c, in the root of the worktree.")
    timeout_s: int = Field(default=120, ge=1, le=LONGEST_COMMAND_S, description="Seconds after which it is ended.")


class Ask(Arguments):
    question: str = Field(min_length=1, max_length=4_000)
    options: tuple[str, ...] = Field(
        default=(), max_length=10, description="Answers to choose from, if there are some."
    )


class Finish(Arguments):
    summary: str = Field(min_length=1, max_length=20_000, description="What was done, and what was left out and why.")


class ReviewComment(Arguments):
    path: Path
    line: int = Field(ge=1, description="Line in the file.")
    side: Literal["old", "new"] = Field(default="new", description="Whether the line is one of before or of after.")
    text: str = Field(min_length=1, max_length=4_000)


class SubmitReview(Arguments):
    verdict: Literal["approve", "request-changes"]
    summary: str = Field(min_length=1, max_length=20_000, description="The reasons, the most important first.")
    comments: tuple[ReviewComment, ...] = Field(default=(), max_length=100)


def plain(schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON Schema of type object as every vendor and client takes it."""
    found: dict[str, Any] = _plain(schema, {})
    found.setdefault("properties", {})
    return found


def _plain(value: Any, definitions: dict[str, Any]) -> Any:
    """Without titles, and with each reference replaced by what it names: some vendors take neither."""
    if isinstance(value, list):
        return [_plain(one, definitions) for one in value]
    if not isinstance(value, dict):
        return value
    definitions = value.get("$defs", definitions)
    if "$ref" in value:
        return _plain(definitions[value["$ref"].rpartition("/")[2]], definitions)
    kept = {}
    for key, one in value.items():
        if key == "$defs" or (key == "title" and isinstance(one, str)):
            continue
        kept[key] = _plain(one, definitions)
    return kept
