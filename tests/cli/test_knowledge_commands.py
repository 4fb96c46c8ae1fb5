"""`vapora knowledge`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Run = Callable[..., Any]


def test_what_was_done_is_listed_walked_and_explained(vapora: Run) -> None:
    vapora("project", "add", "Links")
    made = vapora("task", "add", "Parse dates", "--project", "Links", "--json").json
    task = made.get("task_id") or made["id"]
    said = vapora(
        "knowledge", "relate", "Months are days", "The locale", "--solution", "Name it", "--task", task, "--json"
    )
    assert said.code == 0, said.err
    found = vapora("knowledge", "causes", "--task", task, "--json").json["items"]
    assert [(one["id"], one["solution"]) for one in found] == [(said.json["id"], "Name it")]
    # Not in one piece: what the other causes say decides how wide a column is.
    assert "Months are" in vapora("knowledge", "causes").out
    graph = vapora("knowledge", "graph", task, "--depth", "3", "--json").json
    assert {"problem", "cause", "solution"} <= {one["kind"] for one in graph["nodes"]}
    assert "caused-by" in vapora("knowledge", "graph", task, "--depth", "3").out
    assert vapora("knowledge", "executions", "--json").json["next"] is None
    assert vapora("knowledge", "curves").code == 0
    assert "told" in vapora("knowledge", "effect").out
    assert vapora("knowledge", "forget", said.json["id"]).code == 0
    assert vapora("knowledge", "forget", "no-such").code == 1
    assert vapora("knowledge", "graph", "thing:x").code == 1


def test_where_search_has_its_vectors_from(vapora: Run) -> None:
    before = vapora("settings", "show", "--json").json
    said = vapora("settings", "vectors", "none", "--json")
    assert said.json["search_vectors"] == "none" and said.json["default_review"] == before["default_review"]
    assert "none" in vapora("settings", "show").out
    assert vapora("settings", "vectors", "guess").code == 2
    assert vapora("settings", "vectors", "openai:gpt-6-luna").code != 0
    assert vapora("settings", "vectors", "installation", "--json").json["search_vectors"] is None
