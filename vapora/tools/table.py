"""The table of tools: what each is for, what it takes, what it leaves behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from vapora.domain.tool_names import shown
from vapora.llm.protocol import ToolSpec
from vapora.tools import arguments as takes
from vapora.tools import commands, files
from vapora.tools.arguments import LONGEST_COMMAND_S, Arguments
from vapora.tools.code import tools as code
from vapora.tools.scope import Scope
from vapora.tools.values import Effect, ToolResult, Workplace

# For file and git tools. A command has its own limit, and time for the sandbox to end it and to look for its changes.
_QUICK_S = 60.0

Act = Callable[[Workplace, Any, Scope], Awaitable[ToolResult]]


@dataclass(frozen=True, slots=True)
class Tool:
    """`act` is None for the tools that only hand something over: their checked arguments are the result's `data`."""

    name: str
    effect: Effect
    takes: type[Arguments]
    description: str
    act: Act | None = None
    said: str = ""
    limit_s: float = _QUICK_S

    @cache  # noqa: B019 - the table's tools live as long as the process
    def spec(self) -> ToolSpec:
        return ToolSpec(name=shown(self.name), description=self.description, parameters=self.takes.schema_for_models())


_TABLE = (
    Tool(
        "file_read",
        "pure",
        takes.FileRead,
        "Read a text file. Each line is shown with its number and a tab before it; they are not part of the file.",
        lambda place, asked, _: files.read(place, asked),
    ),
    Tool(
        "file_list",
        "pure",
        takes.FileList,
        "List a folder: folders with a slash behind the name, files with their size in bytes.",
        lambda place, asked, _: files.listing(place, asked),
    ),
    Tool(
        "file_write",
        "worktree",
        takes.FileWrite,
        "Write a whole file, new or in place of what it holds. Its folders are made. To change a part, use file_edit.",
        files.write,
    ),
    Tool(
        "file_edit",
        "worktree",
        takes.FileEdit,
        "Replace a piece of text in a file. It has to match to the letter, with line breaks and indentation, and to be "
        "there only once, unless everywhere is set.",
        files.edit,
    ),
    Tool(
        "code_search",
        "pure",
        takes.CodeSearch,
        "Find the lines that match a regular expression, in all files that git does not ignore. Gives path:line:text.",
        lambda place, asked, _: files.search(place, asked),
    ),
    Tool(
        "code.symbols",
        "pure",
        takes.CodeSymbols,
        "Find where something is defined: functions, classes, methods, types. Gives path:first-last, kind and name "
        "with what it stands in. Knows Python, TypeScript, JavaScript, Go, Rust and Java.",
        lambda place, asked, _: code.symbols(place, asked),
    ),
    Tool(
        "code.references",
        "pure",
        takes.CodeReferences,
        "Find each place of a name in code: where it is defined, imported, called, used. Comments and texts do not "
        "count. By its name alone: things of the same name elsewhere are found as well.",
        lambda place, asked, _: code.references(place, asked),
    ),
    Tool(
        "code.outline",
        "pure",
        takes.CodeOutline,
        "Show what a file, or each file of a folder, defines, with line numbers. Costs less than reading it.",
        lambda place, asked, _: code.outline(place, asked),
    ),
    Tool(
        "code.complexity",
        "pure",
        takes.CodeComplexity,
        "List the functions with the most ways through them (branches and loops), the worst first.",
        lambda place, asked, _: code.complexity(place, asked),
    ),
    Tool(
        "code.structural_search",
        "pure",
        takes.CodeStructuralSearch,
        "Find code by its form, whatever its layout: a piece of code with holes, as `$A == $A` or `print($$$ARGS)`.",
        lambda place, asked, _: code.structural_search(place, asked),
    ),
    Tool(
        "git_status",
        "pure",
        takes.GitStatus,
        "Show which files changed since the last commit. What you change is committed for you after each step.",
        lambda place, asked, _: commands.status(place),
    ),
    Tool(
        "git_diff",
        "pure",
        takes.GitDiff,
        "Show changes as a patch: since the last commit, or all that the task's branch changed.",
        lambda place, asked, _: commands.diff(place, asked),
    ),
    Tool(
        "git_log",
        "pure",
        takes.GitLog,
        "Show the newest commits: id, date, author and subject.",
        lambda place, asked, _: commands.log(place, asked),
    ),
    Tool(
        "run_command",
        "worktree",
        takes.RunCommand,
        "Run a shell command in the worktree, for example the tests. It has no network and no input, and all that it "
        "starts ends with it. You get its output, of which the middle is left out if it is long, and the exit code.",
        commands.run,
        limit_s=LONGEST_COMMAND_S + 2 * _QUICK_S,
    ),
    Tool(
        "ask",
        "asks",
        takes.Ask,
        "Ask a person something that you cannot find out and cannot sensibly assume. The work waits for the answer.",
        said="The question stands on the card.",
    ),
    Tool(
        "finish",
        "ends",
        takes.Finish,
        "Say that the work is done. The project's checks are run then; if one fails, you get its output and go on.",
        said="Finished.",
    ),
    Tool(
        "submit_review",
        "ends",
        takes.SubmitReview,
        "Hand in your review: approve, or request changes, with comments on single lines.",
        said="The review was handed in.",
    ),
)
TOOLS: dict[str, Tool] = {tool.name: tool for tool in _TABLE}
