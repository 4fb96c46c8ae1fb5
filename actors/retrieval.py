"""The built-in server `retrieval`: what the workspace's index holds, for agents and for whoever tries it.

What stands in the repository and in documents is of the workspace itself. Cards and talk may hold what strangers wrote,
as an issue of a tracker; they have tools of their own, so that a run which read them is known to have.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, JsonValue, ValidationError

from actors.runtime.base import Address
from vapora.domain.search import Allowed, Hit, of_project
from vapora.errors import UnavailableError
from vapora.ports import QuestionVector
from vapora.search import SearchReader
from vapora.tools.arguments import Arguments
from vapora.tools.servers import Caller, ServedTool
from vapora.tools.values import ToolResult

if TYPE_CHECKING:
    from actors.composition import Wiring
    from vapora.settings import Settings

_Known = Literal["code", "document"]
_Card = Literal["task", "run", "comment"]
_MOST_TEXT = 40_000
_LIMIT_S = 30.0

Query = Annotated[str, Field(min_length=1, max_length=400, description="Words, as in a search box.")]
Limit = Annotated[int, Field(ge=1, le=50, description="How many at most.")]
Id = Annotated[str, Field(min_length=1, max_length=1_000, description="As the search gives it.")]


class Search(Arguments):
    query: Query
    kinds: tuple[_Known, ...] = Field(default=("code", "document"), min_length=1, max_length=2)
    limit: Limit = 10


class Read(Arguments):
    kind: _Known
    id: Id


class SearchCards(Arguments):
    query: Query
    kinds: tuple[_Card, ...] = Field(default=("task", "run", "comment"), min_length=1, max_length=3)
    limit: Limit = 10


class ReadCard(Arguments):
    kind: _Card
    id: Id


def _tool(name: str, about: str, takes: type[Arguments], *, strangers: bool) -> ServedTool:
    return ServedTool(
        name, about, takes.schema_for_models(), "pure", outward=False, reads_outside=strangers, limit_s=_LIMIT_S
    )


_TAKES: dict[str, type[Arguments]] = {
    "search": Search,
    "read": Read,
    "search_cards": SearchCards,
    "read_card": ReadCard,
}
_TOOLS = (
    _tool(
        "search",
        "Find code of the base branch and documents, by words. Gives kind, id, title and a snippet; read "
        "gives the whole.",
        Search,
        strangers=False,
    ),
    _tool("read", "Read a file or document that search found, as far as the index keeps it.", Read, strangers=False),
    _tool(
        "search_cards",
        "Find cards, runs and comments of the project, by words. They may hold text of strangers.",
        SearchCards,
        strangers=True,
    ),
    _tool("read_card", "Read a card, run or comment that search_cards found.", ReadCard, strangers=True),
)


class Retrieval:
    """`vapora.tools.servers.BuiltInServer`. A run finds what is of its project or of the whole workspace; a person who
    tries a tool, what is of the whole workspace."""

    id = "retrieval"
    title = "Retrieval"
    description = "Finds and reads code, documents and cards of the workspace, in its own index."

    def __init__(self, settings: Settings, vector_of: Callable[[str, str], Awaitable[QuestionVector]]) -> None:
        """`vector_of(workspace, question)`: where a provider's model makes the vectors of the index."""
        self._settings = settings
        self._vector_of = vector_of
        self._readers: dict[str, SearchReader] = {}

    async def tools(self, workspace: str) -> tuple[ServedTool, ...]:
        return _TOOLS

    async def call(self, caller: Caller, tool: str, arguments: Mapping[str, JsonValue]) -> ToolResult:
        """Raises `UnavailableError` while there is no index yet."""
        try:
            asked = _TAKES[tool].model_validate(dict(arguments))
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            return ToolResult(False, f"{'.'.join(map(str, first['loc']))}: {first['msg']}.")
        reader = self._readers.get(caller.workspace)
        if reader is None:
            place = self._settings.search_place(caller.workspace)
            reader = self._readers[caller.workspace] = SearchReader(place)
        # What a person may read is decided at the door, by policies that are not known here: `GET /search`.
        allowed = of_project(caller.project_id if caller.run_id else "")
        if isinstance(asked, (Search, SearchCards)):
            vector = await self._vector_of(caller.workspace, asked.query)
            return await asyncio.to_thread(_find, reader, asked, allowed, vector)
        assert isinstance(asked, (Read, ReadCard))
        return await asyncio.to_thread(_read, reader, asked, allowed)

    async def close(self) -> None:
        for reader in self._readers.values():
            await asyncio.to_thread(reader.close)


def retrieval_server(wiring: Wiring) -> Retrieval:
    async def vector_of(workspace: str, question: str) -> QuestionVector:
        try:
            found: QuestionVector = await wiring.runtime.ref(Address("projector", workspace)).vector_of(question)
        except UnavailableError as error:
            return QuestionVector(reason=str(error))
        return found

    return Retrieval(wiring.settings, vector_of)


def _find(reader: SearchReader, asked: Search | SearchCards, allowed: Allowed, vector: QuestionVector) -> ToolResult:
    found = reader.find(asked.query, allowed, kinds=asked.kinds, limit=asked.limit, vector=vector)
    lines = [line for hit in found.hits for line in _told(hit)]
    for word, instead in found.corrected.items():
        lines.append(f"[nothing holds {word}; looked for {', '.join(instead)}]")
    return ToolResult(True, "\n".join(lines) or "Nothing was found.", data={"hits": [_data(hit) for hit in found.hits]})


def _told(hit: Hit) -> tuple[str, str]:
    return f"{hit.kind} {hit.id}: {hit.title}", f"    {' '.join(hit.snippet_text.split())}"


def _data(hit: Hit) -> dict[str, Any]:
    return {"kind": hit.kind, "id": hit.id, "title": hit.title, "link": hit.link}


def _read(reader: SearchReader, asked: Read | ReadCard, allowed: Allowed) -> ToolResult:
    entry = reader.get(asked.kind, asked.id)
    projects = allowed.get(asked.kind)
    # What may not be seen is not there, in the very words.
    if entry is None or (projects is not None and entry.project_id not in projects):
        return ToolResult(False, f"There is no {asked.kind} {asked.id}. Take an id that the search gave.")
    cut = len(entry.text) > _MOST_TEXT
    text = f"{entry.title}\n\n{entry.text[:_MOST_TEXT]}" + ("\n[there is more]" if cut else "")
    return ToolResult(True, text, truncated=cut, data={"kind": entry.kind, "id": entry.id, "link": entry.link})
