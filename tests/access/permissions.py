"""The tables of docs/permissions.md, made from the policies that ship: `python -m tests.access.permissions`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from events.ids import MemberRole
from vapora.access import Engine
from vapora.catalog import role
from vapora.catalog.manifests import ROLE_IDS
from vapora.domain.access import GROUPS, INSTALLATION, Group, Principal, Question, Resource, workspace_resource

PAGE = Path(__file__).parents[2] / "docs" / "permissions.md"
PLACE = workspace_resource("acme")
TASK = Resource("Task", "task-1", "acme", "project-1", "todo")
# Who asks, as the columns of the table name them.
PEOPLE: dict[str, Principal] = {
    "nobody": Principal("Visitor", "visitor"),
    "signed in": Principal("User", "stranger"),
    **{one.value: Principal("User", one.value, one) for one in reversed(MemberRole)},
    "administrator": Principal("User", "root", administrator=True),
}
ELSEWHERE = "src/main.py"


def questions(asks: Principal, group: Group) -> Iterator[Question]:
    there = {"workspace": PLACE, "installation": INSTALLATION, "agents": TASK}[group.level]
    for action in group.actions:
        yield Question(asks, action, there)


def agent(role_id: str) -> Principal:
    return Principal("Agent", f"{role_id}-1", agent_role=role_id)


def own_path(role_id: str) -> str:
    """A path that the role may write by its manifest; one that nobody may where it may write none."""
    patterns = role(role_id).writable
    return re.sub(r"\*\*/?|\*|\?", "x", patterns[0]) if patterns else ELSEWHERE


def tool_questions(role_id: str, group: Group, path: str = "") -> Iterator[Question]:
    for action in group.actions:
        yield Question(agent(role_id), action, TASK, path=path)


def people_table(engine: Engine) -> str:
    lines = [
        f"| | {' | '.join(PEOPLE)} |",
        f"|---|{':-:|' * len(PEOPLE)}",
    ]
    for group in GROUPS:
        if group.level == "agents":
            continue
        lines.append(f"| **{group.about}** (`{group.name}`) |{' |' * len(PEOPLE)}")
        rows = {name: [engine.may(one) for one in questions(asks, group)] for name, asks in PEOPLE.items()}
        for at, action in enumerate(group.actions):
            cells = " | ".join("yes" if rows[name][at] else "–" for name in PEOPLE)
            lines.append(f"| `{action}` | {cells} |")
    return "\n".join(lines)


def tools_table(engine: Engine) -> str:
    groups = [group for group in GROUPS if group.level == "agents"]
    tools = [action for group in groups for action in group.actions]
    head = " | ".join(f"`{one.removeprefix('tool:')}`" for one in tools)
    lines = [f"| role | {head} |", f"|---|{':-:|' * len(tools)}"]
    for one in ROLE_IDS:
        cells = []
        for group in groups:
            anywhere = [engine.may(asked) for asked in tool_questions(one, group, ELSEWHERE)]
            within = [engine.may(asked) for asked in tool_questions(one, group, own_path(one))]
            cells += ["yes" if all_ else "own" if some else "–" for all_, some in zip(anywhere, within, strict=True)]
        lines.append(f"| {one} | {' | '.join(cells)} |")
    return "\n".join(lines)


def page(text: str, engine: Engine) -> str:
    """The page with its tables as they are now."""
    for name, table in (("people", people_table(engine)), ("tools", tools_table(engine))):
        begin, end = f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->"
        before, found, rest = text.partition(begin)
        _, also, after = rest.partition(end)
        if not (found and also):
            raise ValueError(f"docs/permissions.md has lost the marks of its table of {name}")
        text = before + begin + table + "\n" + end + after
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), Engine()), encoding="utf-8")
