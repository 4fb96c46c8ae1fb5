"""Parses files that nobody vouches for, in a process that has nothing to lose: started by its path, with a clean
environment, bounded in memory and time, it reads one request on its input and answers a line for each file.

It imports nothing of ours: that would take longer than most answers.

Request: `{question, files: [{path, text, language}], languages: {id: fields of Language}, name, pattern, most}`.
Answer to a file: `{path, found: [...]}`, or `{path, problem}`. What is found is described at each question.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable, Iterator
from typing import Any

from ast_grep_py import Rule, SgNode, SgRoot

_MOST_BYTES = 1 << 30
_MOST_CPU_S = 30
_LONGEST_LINE = 200

Found = dict[str, Any]


def _definitions(root: SgNode, language: Found) -> Iterator[SgNode]:
    kinds = language["definitions"]
    for node in root.find_all(any=[{"kind": kind} for kind in kinds]):
        # A variable inside of a function, or that is no function in a class, is nobody's landmark.
        if kinds[node.kind()] != "variable" or _is_top_level(node) or _holds_function(node):
            yield node


def _is_top_level(node: SgNode) -> bool:
    inner = {"statement_block", "block", "class_body", "function_body"}
    return all(one.kind() not in inner for one in node.ancestors())


def _holds_function(node: SgNode) -> bool:
    value = node.field("value")
    return value is not None and value.kind() in ("arrow_function", "function_expression")


def _name(node: SgNode, field: str = "name") -> str:
    found = node.field(field)
    return "" if found is None else found.text()


def _inside(node: SgNode, language: Found) -> str:
    """The names of what it stands in, the outermost first."""
    holders = language["holders"]
    above = [f"{_receiver(one)}{_name(one, holders[one.kind()])}" for one in node.ancestors() if one.kind() in holders]
    return ".".join([*(one for one in reversed(above) if one), *filter(None, [_receiver(node).rstrip(".")])])


def _receiver(node: SgNode) -> str:
    """Of a method of Go, `func (s *Server) Start()`: what it belongs to, with a dot."""
    found = node.field("receiver")
    return "" if found is None else found.text().strip("()").split()[-1].lstrip("*") + "."


def _line(node: SgNode, lines: list[str]) -> str:
    number = node.range().start.line
    return lines[number].strip()[:_LONGEST_LINE] if number < len(lines) else ""


def _described(node: SgNode, language: Found, lines: list[str]) -> Found:
    """`{name, kind, inside, first, last, line}`, lines counted from 1."""
    kind = language["definitions"][node.kind()]
    inside = _inside(node, language)
    if kind == "variable" and _holds_function(node):
        kind = "function"
    span = node.range()
    return {
        "name": _name(node),
        "kind": kind,
        "inside": inside,
        "first": span.start.line + 1,
        "last": span.end.line + 1,
        "line": _line(node, lines),
    }


def _outline(root: SgNode, language: Found, lines: list[str], asked: Found) -> Iterator[Found]:
    """All definitions, as `_described`."""
    for node in _definitions(root, language):
        yield _described(node, language, lines)


def _symbols(root: SgNode, language: Found, lines: list[str], asked: Found) -> Iterator[Found]:
    """Those whose name holds `name`, in whatever case."""
    wanted = asked["name"].casefold()
    for node in _definitions(root, language):
        if wanted in _name(node).casefold():
            yield _described(node, language, lines)


def _references(root: SgNode, language: Found, lines: list[str], asked: Found) -> Iterator[Found]:
    """`{role, line_number, inside, line}` for each place of the name itself; a comment or a text is none."""
    names: list[Rule] = [{"kind": kind} for kind in language["names"]]
    for node in root.find_all(any=names, regex=f"^{_escaped(asked['name'])}$"):
        role, parent = _role(node, language), node.parent()
        yield {
            "role": role,
            "line_number": node.range().start.line + 1,
            "inside": _inside(parent if role == "definition" and parent is not None else node, language),
            "line": _line(node, lines),
        }


def _role(node: SgNode, language: Found) -> str:
    """`definition`, `import`, `call`, or `use`."""
    parent = node.parent()
    if parent is not None and parent.kind() in language["definitions"] and _same(parent.field("name"), node):
        return "definition"
    for one in node.ancestors():
        if one.kind() in language["imports"]:
            return "import"
        if one.kind() in language["calls"]:
            called = next((found for field in _CALLED if (found := one.field(field)) is not None), None)
            return "call" if called is not None and _ends_in(called, node) else "use"
        if one.kind() not in _CHAINED:
            break
    return "use"


# Fields that hold what is called, in any of the grammars; and what a name may stand in there: `shop.cart.add(…)`.
_CALLED = ("function", "constructor", "name", "macro", "type")
_CHAINED = frozenset(
    {
        *("attribute", "member_expression", "selector_expression", "field_expression", "dotted_name"),
        *("scoped_identifier", "scoped_type_identifier", "generic_function", "generic_type"),
        *("import_specifier", "import_clause", "named_imports", "namespace_import", "aliased_import"),
        *("use_list", "scoped_use_list", "use_as_clause", "import_spec", "import_spec_list"),
    }
)


def _same(one: SgNode | None, other: SgNode) -> bool:
    return one is not None and _at(one) == _at(other)


def _ends_in(called: SgNode, node: SgNode) -> bool:
    """`add` of `shop.cart.add`, and `shop` of nothing but `shop`."""
    return called.range().end.index == node.range().end.index


def _at(node: SgNode) -> tuple[int, int]:
    return node.range().start.index, node.range().end.index


def _complexity(root: SgNode, language: Found, lines: list[str], asked: Found) -> Iterator[Found]:
    """`{name, inside, first, last, ways, depth}` of each function: its ways through (branches + 1), and how deep
    branches stand in each other. A function within it counts for itself."""
    functions, deeper = set(language["functions"]), set(language["deeper"])
    counts: dict[tuple[int, int], list[int]] = {}
    nodes = root.find_all(any=[{"kind": kind} for kind in functions])
    for node in nodes:
        counts[_at(node)] = [1, 0]
    operators = set(language["operators"])
    branches = root.find_all(any=[{"kind": kind} for kind in language["branches"]])
    branches += [
        one
        for one in root.find_all(kind=language["operator"])
        if (sign := one.field("operator")) is not None and sign.text() in operators
    ]
    for branch in branches:
        depth = 1 if branch.kind() in deeper else 0
        for one in branch.ancestors():
            if one.kind() in functions:
                count = counts[_at(one)]
                count[0] += 1
                count[1] = max(count[1], depth)
                break
            depth += one.kind() in deeper
    for node in nodes:
        ways, depth = counts[_at(node)]
        span = node.range()
        name = _name(node) or _assigned(node)
        yield {
            "name": name,
            "inside": _inside(node, language),
            "first": span.start.line + 1,
            "last": span.end.line + 1,
            "ways": ways,
            "depth": depth,
        }


def _assigned(node: SgNode) -> str:
    parent = node.parent()
    return _name(parent) if parent is not None and parent.kind() == "variable_declarator" else ""


def _structural(root: SgNode, language: Found, lines: list[str], asked: Found) -> Iterator[Found]:
    """`{first, last, inside, line}` of each place that the pattern matches."""
    for node in root.find_all(pattern=asked["pattern"]):
        span = node.range()
        yield {
            "first": span.start.line + 1,
            "last": span.end.line + 1,
            "inside": _inside(node, language),
            "line": _line(node, lines),
        }


_QUESTIONS: dict[str, Callable[[SgNode, Found, list[str], Found], Iterator[Found]]] = {
    "outline": _outline,
    "symbols": _symbols,
    "references": _references,
    "complexity": _complexity,
    "structural_search": _structural,
}


def _escaped(name: str) -> str:
    return "".join(one if one.isalnum() or one == "_" else f"\\{one}" for one in name)


def _say(answer: Found) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def main() -> None:
    for what, most in (
        (resource.RLIMIT_DATA, _MOST_BYTES),
        (resource.RLIMIT_CPU, _MOST_CPU_S),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    asked = json.loads(sys.stdin.buffer.read())
    question, left = _QUESTIONS[asked["question"]], asked["most"]
    for file in asked["files"]:
        try:
            root = SgRoot(file["text"], file["language"]).root()
            found: list[Found] = []
            for one in question(root, asked["languages"][file["language"]], file["text"].splitlines(), asked):
                if len(found) == left:
                    _say({"path": file["path"], "found": found, "more": True})
                    return
                found.append(one)
        except RuntimeError as error:
            # What the library says of a pattern that it cannot take; its backtrace is of no use.
            _say({"path": file["path"], "problem": str(error).partition("\n\nStack")[0][:500]})
            continue
        left -= len(found)
        _say({"path": file["path"], "found": found})


if __name__ == "__main__":
    main()
