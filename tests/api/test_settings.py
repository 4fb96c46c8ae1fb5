"""What is set for the workspace, and what a person prefers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.doors import Door

SETTINGS = {
    "name": "Acme",
    "default_review": "none",
    "default_priority": 70,
    "most_runs": 12,
    "most_runs_of": {"developer": 4},
    "knowledge": {"details_days": 10, "daily_days": 60, "in_briefs": "half"},
    "search_vectors": "openai:text-embedding-3-small",
}
PREFERENCES = {"theme": "dark", "density": "compact", "time_zone": "Europe/Vienna", "notifications": ["done"]}


async def test_before_anybody_sets_them_they_are_the_defaults(door: Door) -> None:
    settings = await door.ask("GET", "/settings", 200)
    assert settings == {
        "name": "",
        "default_review": "human",
        "default_priority": 50,
        "most_runs": None,
        "most_runs_of": {},
        "knowledge": {"details_days": 30, "daily_days": 90, "in_briefs": "on"},
        "search_vectors": None,
        "position": 0,
    }
    preferences = await door.ask("GET", "/preferences", 200)
    assert (preferences["theme"], preferences["notifications"]) == ("system", ["review", "failed"])


async def test_settings_hold_for_everybody_and_stand_in_the_log(door: Door) -> None:
    said = await door.ask("PUT", "/settings", 200, SETTINGS)
    assert await door.ask("GET", "/settings", 200, params={"after": said["position"]}) == said
    [event] = (await door.ask("GET", "/events", 200, params={"topic": "workspace.settings-changed"}))["items"]
    assert (event["event"], event["actor"]) == (SETTINGS, "user:local")


async def test_saying_the_same_again_changes_nothing(door: Door) -> None:
    first = await door.ask("PUT", "/settings", 200, SETTINGS)
    assert await door.ask("PUT", "/settings", 200, SETTINGS) == first
    one = await door.ask("PUT", "/preferences", 200, PREFERENCES)
    assert await door.ask("PUT", "/preferences", 200, PREFERENCES) == one
    assert await door.head() == one["position"]


async def test_what_is_left_out_takes_its_default(door: Door) -> None:
    await door.ask("PUT", "/preferences", 200, PREFERENCES)
    said = await door.ask("PUT", "/preferences", 200, {"theme": "light"})
    assert await door.ask("GET", "/preferences", 200, params={"after": said["position"]}) == {
        "user_id": "user:local", "theme": "light", "density": "comfortable", "time_zone": "",
        "notifications": ["review", "failed"], "position": said["position"],
    }  # fmt: skip


async def test_a_card_that_names_no_review_and_no_priority_gets_those_of_the_workspace(door: Door) -> None:
    project = await door.project()
    await door.ask("PUT", "/settings", 200, SETTINGS)
    body = {"project_id": project["id"], "title": "Write a parser"}
    found = []
    for more in ({}, {"priority": 10, "review": "human"}):
        made = await door.ask("POST", "/tasks", 202, body | more)
        card = await door.ask("GET", f"/tasks/{made['task_id']}", 200, params={"after": made["position"]})
        found.append((card["priority"], card["review"]))
    assert found == [(70, "none"), (10, "human")]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/settings", {"default_review": "somebody"}),
        ("/settings", {"default_priority": 101}),
        ("/settings", {"search_vectors": "learned"}),
        ("/settings", {"search_vectors": "openai:"}),
        ("/settings", {"search_vectors": "openai:gpt-6-luna"}),
        ("/settings", {"colour": "red"}),
        ("/settings", {"name": "x" * 201}),
        ("/preferences", {"theme": "pink"}),
        ("/preferences", {"time_zone": "../etc/passwd"}),
        ("/preferences", {"notifications": ["review", "review"]}),
        ("/preferences", {"notifications": ["rain"]}),
    ],
)
async def test_what_they_cannot_be_is_refused_with_the_field(door: Door, path: str, body: dict[str, Any]) -> None:
    head = await door.head()
    refusal = await door.ask("PUT", path, 422, body)
    assert refusal["errors"][0]["field"].startswith(next(iter(body)))
    assert await door.head() == head
