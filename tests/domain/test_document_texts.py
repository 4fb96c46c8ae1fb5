"""What is found out from texts alone: kinds, duplicates, differences, decisions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from events.document import DocumentSource
from vapora.domain import document_adr
from vapora.domain.document_diff import difference
from vapora.domain.document_duplicates import similar_pairs
from vapora.domain.document_kind import classify, title_of


@pytest.mark.parametrize(
    ("title", "path", "text", "kind"),
    [
        ("Shop", "README.md", "", "readme"),
        ("Shop", "docs/README.rst", "", "readme"),
        ("What is new", "CHANGELOG.md", "", "changelog"),
        ("Monthly partitions", "docs/adr/0007-partitions.md", "", "adr"),
        ("ADR 7: partitions", None, "", "adr"),
        ("Where we go", "ROADMAP", "", "roadmap"),
        ("Restore the database", "docs/runbooks/restore.md", "", "runbook"),
        ("How to restore", None, "", "guide"),
        ("Partitions", None, "# Partitions\n\n## Context\n\nx\n\n## Decision\n\ny\n\n## Consequences\n", "adr"),
        ("News", None, "# News\n\n## [1.2.0] - 2026-01-01\n\n### Added\n\n- x\n", "changelog"),
        ("Thoughts", None, "We could.", "note"),
        ("The readme of hearts", "notes/hearts.md", "", "note"),
    ],
)
def test_the_kind_is_inferred_from_path_title_and_text(title: str, path: str | None, text: str, kind: str) -> None:
    assert classify(title, path, text)[0] == kind


def test_a_file_is_called_as_its_first_heading() -> None:
    assert title_of("docs/a.md", "intro\n\n#  The shop  #\n\n# Other") == "The shop"
    assert title_of("docs/setup.md", "no heading") == "setup.md"


DEPLOY = "Deploy the shop with the release script. The script builds the image, pushes it and restarts the service."
AGAIN = "To deploy the shop, run the release script: it builds the image, pushes it, and restarts the service."
OTHER = "Invoices are numbered by year. Each customer gets a number of their own, which never changes."


def test_duplicates_are_found_and_others_are_not() -> None:
    (pair,) = similar_pairs({"a": DEPLOY, "b": OTHER, "c": AGAIN})
    assert (pair.one, pair.other) == ("a", "c") and 0.7 <= pair.score < 1
    (same,) = similar_pairs({"a": DEPLOY, "b": DEPLOY})
    assert same.score == 1
    assert similar_pairs({"a": "", "b": "", "c": DEPLOY}) == ()


def test_a_difference_is_a_patch_and_of_huge_texts_only_how_much() -> None:
    found = difference("a\nb\nc\n", "a\nx\nc\n")
    assert found.patch.splitlines()[-4:] == [" a", "-b", "+x", " c"]
    assert (found.additions, found.deletions, found.truncated) == (1, 1, False)
    huge = difference("\n".join(map(str, range(5_000))), "\n".join(map(str, range(10_000, 15_000))))
    assert huge.truncated and huge.patch == "" and (huge.additions, huge.deletions) == (5_000, 5_000)


RECORD = """# ADR: Store clicks in monthly partitions

Status: proposed

## Context

Two million clicks a day.

## Options

| option | speed |
|---|---|
| Monthly partitions | good |
| One table | bad |

## Decision

We will store clicks in monthly partitions.

## Consequences

Old months are dropped at once.
"""


def test_a_record_names_what_was_decided_the_candidates_the_reasons_and_the_place_in_the_log() -> None:
    title, decided, candidates, reasons = document_adr.of_artifact(RECORD)
    assert title == "Store clicks in monthly partitions"
    source = DocumentSource(kind="decision", task_id="task-1", run_id="run-1", position=42)
    found = document_adr.Found(
        source=source,
        title=title,
        by="architect",
        at=datetime(2026, 11, 28, tzinfo=UTC),
        decided=decided,
        candidates=candidates,
        reasons=reasons,
        text=RECORD,
    )
    drawn = document_adr.draft(found)
    assert "## Decision\n\nWe will store clicks in monthly partitions." in drawn
    assert "- Monthly partitions · good\n- One table · bad" in drawn
    assert "- Two million clicks a day." in drawn
    assert "/log?at=42" in drawn and "(/t/task-1)" in drawn
    assert drawn.count("\n# ") == 0, "the original's headings stand below ours"
    again = DocumentSource(kind="decision", task_id="task-1", run_id="run-1", position=99)
    assert document_adr.document_id(source, "adr.md") == document_adr.document_id(again, "adr.md")
