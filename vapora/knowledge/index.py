"""Which runs are like a text, as the workspace's index of texts has it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from vapora.domain.search import Mode
from vapora.search import SearchReader
from vapora.settings import Settings


class IndexedRuns:
    """`vapora.knowledge.Likeness` over the index. Opens it when it is asked first."""

    def __init__(self, reader: SearchReader) -> None:
        self._reader = reader

    def rankings(self, text: str, projects: Collection[str] | None, limit: int) -> Sequence[Sequence[str]]:
        """By words, and by vectors where the workspace has any. Raises `UnavailableError` while there is no index, and
        `SearchFormError` for one of another shape: neither is an empty answer."""
        allowed = {"run": None if projects is None else frozenset(projects)}
        modes: tuple[Mode, ...] = ("text", "vectors")
        found = [self._reader.similar(text, allowed, kinds=("run",), limit=limit, mode=mode) for mode in modes]
        return [[hit.id for hit in one.hits] for one, mode in zip(found, modes, strict=True) if one.mode == mode]

    def close(self) -> None:
        self._reader.close()


def likeness(settings: Settings, workspace: str) -> IndexedRuns:
    return IndexedRuns(SearchReader(settings.search_place(workspace)))
