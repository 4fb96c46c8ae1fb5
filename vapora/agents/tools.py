"""`@vapora.tool`: a function with type hints becomes a tool, for models and for the code of agents."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, Literal, ParamSpec, Protocol, TypeVar, overload

from pydantic import JsonValue, TypeAdapter, ValidationError

from vapora.agents.schemas import adapter_of, arguments_of, hints_of, schema_of, text_of
from vapora.errors import BadInputError

P = ParamSpec("P")
R = TypeVar("R")

# `pure`: computes from its arguments alone. `reads`: changes nothing, and what it gives was written by strangers.
# `outside`: what it does cannot be taken back, so it is never called twice by itself.
ToolEffect = Literal["pure", "reads", "outside"]

SERVER = "python"
LIMIT_S = 60.0
_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$")


class Tool(Generic[P, R]):
    """Called like the function that it was made of; then nothing is recorded. In a run: `ctx.tool(it, …)`.

    `parameters`: a JSON Schema of type object. `outward`: it sends something out, or is heard by others;
    `reads_outside`: what it gives was written by strangers. `timeout_s`: the most seconds that a call may take.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str,
        description: str,
        effect: ToolEffect,
        outward: bool,
        reads_outside: bool,
        timeout_s: float,
    ) -> None:
        self.function = function
        self.name = name
        self.description = description
        self.effect: ToolEffect = effect
        self.outward = outward
        self.reads_outside = reads_outside
        self.timeout_s = timeout_s
        self._arguments = arguments_of(function, name)
        self.parameters: Mapping[str, JsonValue] = schema_of(self._arguments)
        returned = hints_of(function, name).get("return", Any)
        self._returned: TypeAdapter[Any] = adapter_of(returned)
        self._is_text = returned is str
        self.__doc__ = function.__doc__
        self.__wrapped__ = function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<vapora tool {self.name}, {self.effect}>"

    @property
    def full_name(self) -> str:
        """As the log, policies and people have it."""
        return f"{SERVER}.{self.name}"

    def arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, JsonValue]:
        """As they are recorded. Raises `BadInputError` for what the function does not take."""
        try:
            bound = inspect.signature(self.function).bind(*args, **kwargs)
            told = self._arguments(**bound.arguments)
        except (TypeError, ValidationError) as error:
            raise BadInputError(f"Wrong arguments for the tool {self.name}: {_first(error)}.") from error
        return dict(told.model_dump(mode="json", exclude_unset=True))

    def run(self, arguments: Mapping[str, JsonValue]) -> str:
        """Call the function with arguments as JSON has them: its result as a text. Blocks, and is not called in an
        event loop. Raises what the function raises, `BadInputError` for wrong arguments."""
        try:
            told = self._arguments.model_validate(dict(arguments))
        except ValidationError as error:
            raise BadInputError(f"Wrong arguments for the tool {self.name}: {_first(error)}.") from error
        value = self.function(**{name: getattr(told, name) for name in type(told).model_fields})
        if inspect.isawaitable(value):
            value = asyncio.run(_awaited(value))
        return text_of(value, self._returned)

    def value(self, text: str) -> Any:
        """What the function returned, from the text that was recorded. Raises `ValueError`."""
        return text if self._is_text else self._returned.validate_json(text) if self._is_json(text) else text

    def _is_json(self, text: str) -> bool:
        """A function without a type of its result may have returned a text as well."""
        try:
            TypeAdapter(JsonValue).validate_json(text)
        except ValidationError:
            return False
        return True


async def _awaited(value: Awaitable[Any]) -> Any:
    return await value


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        found = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in found["loc"])
        return f"{where}: {found['msg']}" if where else str(found["msg"])
    return str(error)


class ToolMaker(Protocol):
    """What `@vapora.tool(…)` is: it makes a tool of a function, of an `async` one as well."""

    @overload
    def __call__(self, function: Callable[P, Awaitable[R]], /) -> Tool[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Tool[P, R]: ...
    def __call__(self, function: Callable[P, Any], /) -> Tool[P, Any]: ...


@overload
def tool(function: Callable[P, Awaitable[R]], /) -> Tool[P, R]: ...
@overload
def tool(function: Callable[P, R], /) -> Tool[P, R]: ...
@overload
def tool(
    *,
    effect: ToolEffect = "outside",
    name: str | None = None,
    description: str | None = None,
    timeout_s: float = LIMIT_S,
    outward: bool | None = None,
    reads_outside: bool | None = None,
) -> ToolMaker: ...
def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    effect: ToolEffect = "outside",
    name: str | None = None,
    description: str | None = None,
    timeout_s: float = LIMIT_S,
    outward: bool | None = None,
    reads_outside: bool | None = None,
) -> Any:
    """Make a tool of a function: type hints become the schema, the docstring is what a model is told.

    `effect`: what a call leaves behind. `pure` computes from its arguments alone; `reads` changes nothing, and gives
    what strangers wrote (a web page, a mail); `outside`, the default, cannot be taken back: it is never called a second
    time by itself, and after a run has read text of strangers a person is asked first. `outward` and `reads_outside`
    say more exactly whether it sends something out and whether strangers wrote what it gives. `timeout_s`: seconds.

    Raises `BadInputError` for a function whose arguments no model can give.
    """

    def made(function: Callable[..., Any]) -> Tool[Any, Any]:
        if isinstance(function, Tool):
            raise BadInputError(f"{function.name} is a tool already.", remedy="Use @vapora.tool once.")
        wanted = str(name or getattr(function, "__name__", ""))
        if not _NAME.match(wanted):
            raise BadInputError(
                f"{wanted!r} cannot be the name of a tool.",
                remedy='Give it one of letters, digits, "_" and "-": @vapora.tool(name="…").',
            )
        if effect not in ("pure", "reads", "outside"):
            raise BadInputError(f"There is no effect {effect!r}.", remedy="Say pure, reads or outside.")
        if timeout_s <= 0:
            raise BadInputError(f"The tool {wanted} would have no time.", remedy="timeout_s is in seconds, above 0.")
        told = inspect.cleandoc(description or function.__doc__ or "")
        if not told:
            raise BadInputError(
                f"The tool {wanted} has no docstring.", remedy="Say in one what it does: that is what a model reads."
            )
        return Tool(
            function,
            name=wanted,
            description=told,
            effect=effect,
            outward=effect == "outside" if outward is None else outward,
            reads_outside=effect != "pure" if reads_outside is None else reads_outside,
            timeout_s=timeout_s,
        )

    return made if function is None else made(function)


def names_of(tools: tuple[Tool[Any, Any] | str, ...]) -> tuple[str, ...]:
    return tuple(one.full_name if isinstance(one, Tool) else one for one in tools)


__all__ = ["SERVER", "Tool", "ToolEffect", "names_of", "tool"]
