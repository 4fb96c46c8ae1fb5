"""The demo's project and a rehearsal at work in it, by the real tools, without a platform around them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import yaml  # type: ignore[import-untyped, unused-ignore]

from events.ids import Provider
from vapora.catalog import role
from vapora.cli.demo.repository import Home, make
from vapora.llm.protocol import Message, ModelRequest
from vapora.llm.rehearsal import RehearsalClient
from vapora.repo.bare import Person
from vapora.repo.commits import StepCommit
from vapora.repo.owner import Repository
from vapora.repo.source import parse_source
from vapora.sandbox.sandbox import Sandbox
from vapora.sandbox.values import Limits
from vapora.tools.local import LocalWorkplace
from vapora.tools.table import TOOLS
from vapora.tools.toolbox import Toolbox

VAPORA = Person("VAPORA", "vapora@localhost")
AT = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
MOST_TURNS = 30
Purpose = Literal["work", "review"]


def cards() -> list[dict[str, Any]]:
    import vapora.cli.demo as package

    found: list[dict[str, Any]] = yaml.safe_load((Path(package.__path__[0]) / "backlog.yaml").read_text("utf-8"))
    return found


@dataclass
class Done:
    """`calls`: name, arguments, whether it worked, result."""

    calls: list[tuple[str, dict[str, Any], bool, str]] = field(default_factory=list)
    last: dict[str, Any] = field(default_factory=dict)
    red_rounds: int = 0

    def failed(self, name: str) -> list[str]:
        return [result for tool, _, ok, result in self.calls if tool == name and not ok]


class Site:
    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.home: Home = make(folder / "shortleaf")
        environ = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
        self.repository = Repository(folder / "bare", parse_source(str(self.home.path), [folder]), environ, VAPORA)
        self.sandbox = sandbox
        self.folder = folder

    def close(self) -> None:
        self.repository.close()

    def place(self, task: str) -> LocalWorkplace:
        limits = Limits(timeout_s=120)
        return LocalWorkplace(
            self.repository, task, self.sandbox, limits, self.folder / "home" / task, read_only=self.home.read_only
        )

    async def run(self, card: dict[str, Any], task: str, *, purpose: Purpose = "work", role_id: str = "") -> Done:
        """A run as the platform makes one: tools until it ends, a commit after each step, then the checks."""
        manifest = role(role_id or card["role"])
        self.repository.start(task)
        toolbox = Toolbox(self.place(task), manifest.tools_for(purpose), manifest.writable_for(purpose))
        brief = f"# Task: {card['title']}\n\n{card['description']}"
        if purpose == "review":
            brief += f"\n\n```diff\n{self.repository.changes(task).patch}\n```"
        messages = [Message(role="user", text=brief)]
        done = Done()
        for _ in range(MOST_TURNS):
            answer = await RehearsalClient(Provider.ANTHROPIC).complete(
                ModelRequest(
                    model="any",
                    system=manifest.work_prompt,
                    messages=tuple(messages),
                    max_output_tokens=manifest.work_output_tokens,
                    tools=toolbox.specs(),
                )
            )
            assert answer.tool_calls, f"{card['title']}: no tool was called: {answer.text}"
            messages.append(Message(role="assistant", text=answer.text, tool_calls=answer.tool_calls))
            for call in answer.tool_calls:
                result = await toolbox.call(call.name, call.arguments)
                done.calls.append((call.name, call.arguments, result.ok, result.text))
                messages.append(Message(role="tool", text=result.text, tool_call_id=call.id, tool_name=call.name))
                if TOOLS[call.name].effect == "worktree":
                    self.repository.commit(task, StepCommit("Step", VAPORA, AT, {"Vapora-Task": task}))
            last = answer.tool_calls[-1]
            if TOOLS[last.name].effect == "ends":
                done.last = last.arguments
                red = "" if purpose == "review" else await self.red(task)
                if not red:
                    return done
                done.red_rounds += 1
                messages.append(Message(role="user", text=f"A check has failed:\n\n{red}"))
        raise AssertionError(f"{card['title']}: it did not end within {MOST_TURNS} turns: {messages[-1].text}")

    async def red(self, task: str) -> str:
        """What the failing checks print; empty where all are green."""
        found = ""
        for command in self.home.checks.values():
            outcome = await self.place(task).run(command, 120)
            found += outcome.output if outcome.exit_code else ""
        return found

    def land(self, task: str, title: str) -> None:
        base, head = self.repository._branch(task)
        if base != head:
            self.repository.land(task, StepCommit(title, VAPORA, AT, {"Vapora-Task": task}))

    def bring_up(self, task: str) -> tuple[str, ...]:
        return self.repository.bring_up(task, StepCommit("Bring up", VAPORA, AT, {"Vapora-Task": task}))[1]
