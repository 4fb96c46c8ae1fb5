"""The labelled set: texts in groups, questions, and how many of the first ten answers are right."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from threading import Event

from tests.search.entries import entry
from vapora.database import Place
from vapora.domain.search import Entry, Mode, everything
from vapora.search import IndexWriter, Put, SearchReader, learn_if_due


@dataclass(frozen=True)
class Labelled:
    """`questions`: what is asked, and the group whose texts are right. An entry's group is its id's beginning."""

    entries: tuple[Entry, ...]
    questions: tuple[tuple[str, str], ...]


def labelled() -> Labelled:
    group = ""
    entries: list[Entry] = []
    questions: list[tuple[str, str]] = []
    for line in (Path(__file__).parent / "labelled.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("= "):
            group = line[2:]
        elif line.startswith("? "):
            questions.append((line[2:], group))
        elif not line.startswith("#"):
            title, _, text = line.partition(" | ")
            entries.append(entry(f"{group}-{len(entries)}", title, text))
    return Labelled(tuple(entries), tuple(questions))


def indexed(place: Place, texts: Labelled) -> None:
    """With vectors."""
    with IndexWriter(place) as writer, writer.batch(str) as batch:
        for one in texts.entries:
            batch.apply(Put(one))
    assert learn_if_due(lambda: IndexWriter(place), Event())


def precision(reader: SearchReader, texts: Labelled, mode: Mode, of: int = 10) -> float:
    """The mean over all questions: how many of the first answers are right, of so many as there could be."""
    right = 0
    for question, group in texts.questions:
        found = reader.find(question, everything(), limit=of, mode=mode)
        assert found.mode == mode
        right += sum(hit.id.rpartition("-")[0] == group for hit in found.hits)
    return right / (of * len(texts.questions))
