"""`@vapora.agent`: a function or class becomes an agent that takes cards."""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, overload

from vapora.agents.tools import Tool, names_of
from vapora.errors import BadInputError

DEFAULT_ROLE = "developer"
# Above that of the agents that come with a role: among equals, who was written for the work goes first.
DEFAULT_PRIORITY = 80
_SLUG = re.compile(r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Agent:
    """An agent written in Python. `code`: a function that takes a context, or a class whose `run` does. The other
    fields are those of `vapora.agent`."""

    code: Callable[..., Any]
    name: str
    prompt: str
    role: str = DEFAULT_ROLE
    task_types: tuple[str, ...] = ()
    tools: tuple[Tool[Any, Any] | str, ...] = ()
    model: str = ""
    max_output_tokens: int = 4_096
    temperature: float | None = None
    capacity: int = 1
    priority: int = DEFAULT_PRIORITY
    version: str = "0"
    step_limit_s: float = 900.0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The code itself, without a run: nothing is recorded."""
        return self.code(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<vapora agent {self.name}, {self.role}>"

    @property
    def tool_names(self) -> tuple[str, ...]:
        return names_of(self.tools)

    @property
    def own_tools(self) -> tuple[Tool[Any, Any], ...]:
        return tuple(one for one in self.tools if isinstance(one, Tool))

    @property
    def title(self) -> str:
        return self.name.replace("-", " ").capitalize()

    @property
    def description(self) -> str:
        return next((line.strip() for line in self.prompt.splitlines() if line.strip()), self.title)

    def begin(self) -> Callable[..., Any]:
        """The function of one run: of a class, that of a new object."""
        if inspect.isclass(self.code):
            one: Any = self.code()
            run: Callable[..., Any] = one.run
            return run
        return self.code

    def source_digest(self) -> str:
        """Of its source, where that can be read: another one is another version."""
        try:
            source = inspect.getsource(self.code)
        except (OSError, TypeError):
            source = ""
        return hashlib.sha256(source.encode()).hexdigest()


@overload
def agent(code: Callable[..., Any], /) -> Agent: ...
@overload
def agent(
    *,
    name: str | None = None,
    role: str = DEFAULT_ROLE,
    task_types: Sequence[str] = (),
    tools: Sequence[Tool[Any, Any] | str] = (),
    prompt: str | None = None,
    model: str = "",
    max_output_tokens: int = 4_096,
    temperature: float | None = None,
    capacity: int = 1,
    priority: int = DEFAULT_PRIORITY,
    version: str = "0",
    step_limit_s: float = 900.0,
) -> Callable[[Callable[..., Any]], Agent]: ...
def agent(
    code: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    role: str = DEFAULT_ROLE,
    task_types: Sequence[str] = (),
    tools: Sequence[Tool[Any, Any] | str] = (),
    prompt: str | None = None,
    model: str = "",
    max_output_tokens: int = 4_096,
    temperature: float | None = None,
    capacity: int = 1,
    priority: int = DEFAULT_PRIORITY,
    version: str = "0",
    step_limit_s: float = 900.0,
) -> Any:
    """Make an agent of a function that takes a context (`def`: `Context`, `async def`: `AsyncContext`), or of a class
    whose method `run` does. What it returns is the work product; the docstring, or `prompt`, is the system prompt.

    `role`: one of the twelve, whose budget and permissions hold; `task_types`: kinds of work that it takes, those of
    the role if none is named. `tools`: its own (`@vapora.tool`) and others by name. `model`: a model
    (`anthropic/claude-sonnet-5-5`) or provider that is asked first. `capacity`: how many runs at once. `priority`:
    0–100, among agents that are equal otherwise. `step_limit_s`: so many seconds the code may take between two steps.

    Raises `BadInputError` for what cannot be an agent. Whether there is such a role is seen when it is registered.
    """

    def made(code: Callable[..., Any]) -> Agent:
        if isinstance(code, Agent):
            raise BadInputError(f"{code.name} is an agent already.", remedy="Use @vapora.agent once.")
        wanted = name or _slug(getattr(code, "__name__", ""))
        if not _SLUG.match(wanted) or len(wanted) > _LONGEST_NAME:
            raise BadInputError(
                f"{wanted!r} cannot be the name of an agent.",
                remedy='Take small letters and digits with single hyphens: @vapora.agent(name="…").',
            )
        _check_takes_context(code, wanted)
        told = inspect.cleandoc(prompt or code.__doc__ or "")
        if not told:
            raise BadInputError(
                f"The agent {wanted} has no docstring.", remedy="Say in one what it is: that is its system prompt."
            )
        if not 0 <= priority <= 100 or capacity < 1 or max_output_tokens < 1 or step_limit_s <= 0:
            raise BadInputError(
                f"The agent {wanted} has a limit that cannot be.",
                remedy="priority is 0 to 100; capacity, max_output_tokens and step_limit_s are above 0.",
            )
        return Agent(
            code=code,
            name=wanted,
            prompt=told,
            role=role,
            task_types=tuple(task_types),
            tools=tuple(tools),
            model=model,
            max_output_tokens=max_output_tokens,
            temperature=temperature,
            capacity=capacity,
            priority=priority,
            version=version,
            step_limit_s=step_limit_s,
        )

    return made if code is None else made(code)


def _slug(name: str) -> str:
    """`CodeReviewer` and `code_reviewer` as `code-reviewer`."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name)
    return re.sub(r"[^a-z0-9]+", "-", parted.lower()).strip("-")


def _check_takes_context(code: Callable[..., Any], name: str) -> None:
    if inspect.isclass(code):
        run = getattr(code, "run", None)
        if run is None:
            raise BadInputError(f"The class {code.__name__} has no method run.", remedy="Write def run(self, ctx): …")
        wanted, function = 2, run
    else:
        wanted, function = 1, code
    needed = [
        one
        for one in inspect.signature(function).parameters.values()
        if one.default is inspect.Parameter.empty and one.kind is not inspect.Parameter.KEYWORD_ONLY
    ]
    if len(needed) != wanted:
        raise BadInputError(f"The agent {name} has to take one argument, its context.", remedy="Write def …(ctx): …")
