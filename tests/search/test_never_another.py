"""No entry of another workspace, and none of a project that may not be read, whatever is put in and asked."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

from hypothesis import given, settings
from hypothesis import strategies as st

from events.ids import MemberRole
from tests.search.entries import entry, put
from vapora.access import Engine
from vapora.access.reading import readable
from vapora.domain.access import Principal
from vapora.domain.search import KINDS
from vapora.search import IndexWriter, SearchReader, learn_if_due

ROUNDS = int(os.environ.get("VAPORA_SEARCH_ROUNDS", "25"))
PROJECTS = ("p1", "p2", "p3", "")
WORDS = st.sampled_from(("cache", "queue", "token", "retry", "index", "schema", "login", "report"))
TEXTS = st.lists(WORDS, min_size=1, max_size=6).map(" ".join)
ENTRIES = st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from(PROJECTS), TEXTS), min_size=1, max_size=80)
WHO = Principal("User", "ann", MemberRole.MEMBER)
ENGINE = Engine()


def policy(forbidden: frozenset[str]) -> str:
    rules = (f'forbid(principal, action, resource in Project::"{one}");' for one in sorted(forbidden))
    return "\n".join(rules)


@settings(max_examples=ROUNDS, deadline=None)
@given(
    ours=ENTRIES,
    theirs=ENTRIES,
    forbidden=st.frozensets(st.sampled_from(("p1", "p2", "p3")), min_size=1),
    asked=TEXTS,
    mode=st.sampled_from(("text", "vectors", "both")),
    learned=st.booleans(),
)
def test_no_entry_of_another_workspace_or_a_forbidden_project(
    ours: list[tuple[str, str, str]],
    theirs: list[tuple[str, str, str]],
    forbidden: frozenset[str],
    asked: str,
    mode: str,
    learned: bool,
) -> None:
    with TemporaryDirectory() as folder:
        places = {name: Path(folder) / name / "search.db" for name in ("ours", "theirs")}
        for name, texts in (("ours", ours), ("theirs", theirs)):
            with IndexWriter(places[name]) as writer:
                put(writer, *(entry(f"{name}-{n}", text, kind=kind, project_id=project)
                              for n, (kind, project, text) in enumerate(texts)))  # fmt: skip
        if learned:
            learn_if_due(lambda: IndexWriter(places["ours"]), Event())
        with closing(SearchReader(places["ours"])) as reader:
            allowed = readable(ENGINE, WHO, "acme", policy(forbidden), reader.projects())
            for query in (asked, asked.split()[0][:3], f'"{asked}"', asked.replace("e", "ee")):
                hits = reader.find(query, allowed, limit=100, mode=mode).hits  # type: ignore[arg-type]
                hits += reader.similar(query, allowed, kinds=KINDS, limit=100, mode=mode).hits  # type: ignore[arg-type]
                assert all(hit.id.startswith("ours") and hit.project_id not in forbidden for hit in hits)
            if mode == "text":
                said = {f"ours-{n}" for n, (_, project, text) in enumerate(ours)
                        if project not in forbidden and asked.split()[0] in text.split()}  # fmt: skip
                found = {hit.id for hit in reader.find(asked.split()[0], allowed, limit=100, mode="text").hits}
                assert said <= found, "and what may be seen is found"
