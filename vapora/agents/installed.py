"""Which agents there are in this process: those of installed packages, and those that somebody passed.

A package offers its agents under the entry point group `vapora.agents`; the value names an agent or a list of them.
Whoever installs a package for the process that runs VAPORA lets its code run there, and nobody else can.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any

from vapora.agents.definition import Agent
from vapora.agents.tools import Tool
from vapora.errors import ConfigurationError

GROUP = "vapora.agents"


@dataclass(frozen=True)
class Crew:
    """Agents by name, and their tools by name. `broken`: entry points that cannot be used, with the reason."""

    agents: Mapping[str, Agent] = field(default_factory=dict)
    tools: Mapping[str, Tool[Any, Any]] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)

    def __reduce__(self) -> tuple[Any, ...]:
        return crew_of, (tuple(self.agents.values()), dict(self.broken))


def crew_of(agents: Iterable[Agent], broken: Mapping[str, str] = MappingProxyType({})) -> Crew:
    """Raises `ConfigurationError` where two have one name, or two tools do."""
    known: dict[str, Agent] = {}
    tools: dict[str, Tool[Any, Any]] = {}
    for one in agents:
        if not isinstance(one, Agent):
            raise ConfigurationError(f"{one!r} is no agent.", remedy="Put @vapora.agent in front of it.")
        if known.setdefault(one.name, one) is not one:
            raise ConfigurationError(
                f"Two agents have the name {one.name}.", remedy='Name one of them: @vapora.agent(name="…").'
            )
        for tool in one.own_tools:
            if tools.setdefault(tool.name, tool) is not tool:
                raise ConfigurationError(
                    f"Two tools have the name {tool.name}, one of the agent {one.name}.",
                    remedy='Name one of them: @vapora.tool(name="…").',
                )
    return Crew(MappingProxyType(known), MappingProxyType(tools), MappingProxyType(dict(broken)))


@cache
def installed() -> Crew:
    """Those of installed packages, read once for each process. One that cannot be used keeps no other from its work."""
    agents: list[Agent] = []
    broken: dict[str, str] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda one: (one.name, one.value)):
        try:
            found = list(_offered(point))
            crew_of([*agents, *found])
        except Exception as error:
            broken[f"{point.name} = {point.value}"] = f"{type(error).__name__}: {error}"
        else:
            agents += found
    return crew_of(agents, broken)


def together(passed: Iterable[Agent]) -> Crew:
    """Those that are passed, and of the installed ones those that have not their names."""
    own = crew_of(passed)
    if not own.agents:
        return installed()
    others = [
        one
        for one in installed().agents.values()
        if one.name not in own.agents and not any(tool.name in own.tools for tool in one.own_tools)
    ]
    return crew_of([*own.agents.values(), *others], installed().broken)


def _offered(point: EntryPoint) -> Iterator[Agent]:
    found: Any = point.load()
    version = point.dist.version if point.dist is not None else "0"
    for one in [found] if isinstance(found, Agent) else found:
        if not isinstance(one, Agent):
            raise ConfigurationError(f"{one!r} is no agent.", remedy="Put @vapora.agent in front of it.")
        yield replace(one, version=version) if one.version == "0" else one
