"""`vapora documents`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., Any]


def test_a_document_is_written_edited_published_merged_and_its_history_told(vapora: Run, tmp_path: Path) -> None:
    vapora("project", "add", "Library")
    text = tmp_path / "lend.md"
    text.write_text(f"Lend it. {'A long line that no terminal may break. ' * 5}\n", encoding="utf-8")
    made = vapora("documents", "new", "How to lend a book", "--file", str(text), "--project", "Library", "--json")
    assert made.code == 0, made.err
    id_ = made.json["id"]
    assert (made.json["kind"], made.json["version"]) == ("guide", 1)
    assert text.read_text(encoding="utf-8").strip() in vapora("documents", "show", id_).out
    text.write_text("Lend it for two weeks.\n", encoding="utf-8")
    edited = vapora("documents", "edit", id_, "--file", str(text), "--note", "How long", "--json")
    assert edited.json["version"] == 2
    late = vapora("documents", "edit", id_, "--version", "1", "--title", "Lending")
    assert late.code == 1 and "version 2" in late.err
    assert vapora("documents", "publish", id_, "--json").json["published_version"] == 2
    told = vapora("documents", "history", id_, "--patch")
    assert "How long" in told.out and "+Lend it for two weeks." in told.out
    other = vapora("documents", "new", "Lending books", "--file", str(text), "--json").json["id"]
    pairs = vapora("documents", "duplicates", "--threshold", "0.3", "--json").json["items"]
    assert [{one["one"]["id"], one["other"]["id"]} for one in pairs] == [{id_, other}]
    assert vapora("documents", "merge", other, id_).code == 0
    assert vapora("documents", "show", other, "--json").json["merged_into"] == id_
    assert vapora("documents", "restore", other, "--json").json["state"] == "draft"
    assert vapora("documents", "archive", other, "--json").json["state"] == "archived"
    listed = vapora("documents", "list", "--state", "published")
    assert id_ in listed.out and other not in listed.out
    assert vapora("documents", "adrs").out.strip() == "The log holds none yet."
    assert vapora("documents", "presentations", "--json").json["items"] == []


def test_finished_work_is_documented_where_somebody_says_so(vapora: Run) -> None:
    project = vapora("project", "add", "Reading room", "--json").json["id"]

    def kept(rule: str) -> Any:
        said = vapora("documents", "keep", rule, "--project", project, "--json").json
        return next(one for one in said["projects"] if one["project_id"] == project)

    assert vapora("documents", "keep", "--json").json["rule"] == "off"
    one = kept("batched")
    assert (one["rule"], one["in_effect"]) == ("batched", "batched")
    one = kept("unset")
    assert (one["rule"], one["in_effect"]) == (None, "off")
    assert vapora("documents", "keep", "now and then").code == 2


def test_what_cannot_be_a_document_is_refused(vapora: Run, tmp_path: Path) -> None:
    assert vapora("documents", "new", "x").code == 2
    assert vapora("documents", "new", "Guide", "--kind", "novel").code == 2
    assert vapora("documents", "new", "Guide", "--file", str(tmp_path / "none.md")).code == 2
    assert vapora("documents", "show", "document-none").code == 1
