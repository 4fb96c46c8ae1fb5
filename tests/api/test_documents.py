"""Documents over HTTP: versions, conflicts, duplicates, merging, decisions of the log, and how work gets in."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.doors import API, Door
from tests.api.test_refusals import check_problem
from tests.api.test_workflows import asked, started

LONG = "Ein Satz über Größe.\n" * 1_000


async def made(door: Door, **more: Any) -> dict[str, Any]:
    body = {"title": "How to lend a book", "text": "Lend it.\n", **more}
    document: dict[str, Any] = await door.ask("POST", "/documents", 201, body)
    return document


async def test_versions_drafts_and_conflicts(door: Door) -> None:
    document = await made(door)
    path = f"/documents/{document['id']}"
    assert (document["kind"], document["kind_reason"], document["state"]) == ("guide", "its title", "draft")
    published = await door.ask("POST", f"{path}/publish", 200, {})
    assert (published["state"], published["published_version"]) == ("published", 1)
    edited = await door.ask("PUT", path, 200, {"version": 1, "text": LONG, "note": "Say it at length"})
    assert (edited["version"], edited["published_version"], edited["text"]) == (2, 1, LONG)
    late = await door.http.put(f"{API}{path}", json={"version": 1, "text": "Mine"})
    check_problem(late, 409, "document-outdated")
    assert late.json()["version"] == 2
    assert (await door.ask("GET", path, 200, params={"version": 1}))["text"] == "Lend it.\n"
    newest, first = (await door.ask("GET", f"{path}/history", 200))["items"]
    assert (newest["version"], newest["note"], newest["by"]) == (2, "Say it at length", "user:local")
    assert newest["additions"] == 1_000 and "-Lend it." in newest["patch"]
    assert first["published_at"] is not None and first["patch"].endswith("+Lend it.")
    compared = await door.ask("GET", f"{path}/difference", 200, params={"base": 2, "version": 1})
    assert (compared["additions"], compared["deletions"]) == (1, 1_000)
    await door.ask("POST", f"{path}/archive", 200, {"reason": "Not true any more"})
    check_problem(await door.http.put(f"{API}{path}", json={"version": 2, "title": "Other"}), 409, "conflict")
    assert (await door.ask("POST", f"{path}/restore", 200))["state"] == "published"
    gone = await door.ask("DELETE", path, 200)
    check_problem(await door.http.get(f"{API}{path}", params={"after": gone["position"]}), 404, "not-found")
    audit = await door.ask("GET", "/audit", 200, params={"resource": f"document:{document['id']}"})
    assert len(audit["items"]) == 6


async def test_what_is_read_with_an_etag_is_edited_with_one(door: Door) -> None:
    document = await made(door)
    path = f"{API}/documents/{document['id']}"
    tag = (await door.http.get(path)).headers["ETag"]
    assert (await door.http.get(path, headers={"If-None-Match": tag})).status_code == 304
    ok = await door.http.put(path, json={"version": 1, "title": "Lending"}, headers={"If-Match": tag})
    assert ok.status_code == 200
    check_problem(await door.http.delete(path, headers={"If-Match": tag}), 412, "precondition-failed")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"title": "x"}, 422),
        ({"title": "Guide", "kind": "novel"}, 422),
        ({"title": "Guide", "path": "README.md"}, 422),
        ({"title": "Guide", "path": "../up.md", "project_id": "p"}, 404),
        ({"title": "Guide", "project_id": "project-none"}, 404),
    ],
)
async def test_what_cannot_be_taken_is_refused_and_nothing_is_written(
    door: Door, body: dict[str, Any], status: int
) -> None:
    before = await door.head()
    answer = await door.http.post(f"{API}/documents", json=body)
    assert answer.status_code == status, answer.text
    assert await door.head() == before


async def test_one_document_is_kept_at_a_path(door: Door) -> None:
    project = (await door.project())["id"]
    document = await made(door, title="The shop", path="README.md", project_id=project)
    assert document["kind"] == "readme"
    second = {"title": "Another", "path": "README.md", "project_id": project}
    check_problem(await door.http.post(f"{API}/documents", json=second), 409, "conflict")
    other = await made(door, project_id=project)
    answer = await door.http.put(f"{API}/documents/{other['id']}", json={"version": 1, "path": "README.md"})
    check_problem(answer, 409, "conflict")
    out = await door.ask("PUT", f"/documents/{document['id']}", 200, {"version": 1, "path": None})
    assert out["path"] is None and out["text"] == "Lend it.\n"
    listed = await door.ask("GET", "/documents", 200, params={"project_id": project, "kind": "readme"})
    assert [one["id"] for one in listed["items"]] == [document["id"]]


async def test_duplicates_are_found_and_merged_by_a_persons_word(door: Door) -> None:
    one = await made(door, text="Run the release script: it builds the image, pushes it, and restarts the service.")
    text = "To deploy, run the release script. It builds the image, pushes it and restarts the service."
    other = await made(door, title="How to lend", text=text)
    await made(door, title="Invoices", text="Invoices are numbered by year, and each customer has a number.")
    (pair,) = (await door.ask("GET", "/documentation/duplicates", 200, params={"threshold": 0.5}))["items"]
    assert {pair["one"]["id"], pair["other"]["id"]} == {one["id"], other["id"]} and pair["score"] > 0.5
    both = {"into": one["id"], "text": "Both.", "version": 1, "reason": "The same"}
    merged = await door.ask("POST", f"/documents/{other['id']}/merge", 200, both)
    assert (merged["id"], merged["into"]) == (other["id"], one["id"])
    after = {"after": merged["position"]}
    gone = await door.ask("GET", f"/documents/{other['id']}", 200, params=after)
    assert (gone["state"], gone["merged_into"], gone["text"]) == ("archived", one["id"], text)
    left = await door.ask("GET", f"/documents/{one['id']}", 200)
    assert (left["version"], left["text"], left["merged_from"]) == (2, "Both.", [other["id"]])
    assert left["source"]["document_id"] == other["id"]
    assert (await door.ask("GET", "/documentation/duplicates", 200, params={"threshold": 0.5}))["items"] == []
    again = await door.http.post(f"{API}/documents/{other['id']}/merge", json={"into": "document-none"})
    check_problem(again, 404, "not-found")
    neither = await door.http.post(f"{API}/documents/{other['id']}/merge", json={})
    check_problem(neither, 422, "invalid-request")


async def test_decisions_in_the_log_become_drafts_once(door: Door) -> None:
    project = (await door.project())["id"]
    decided = await door.task(project, title="Store clicks in monthly partitions", role="architect")
    await door.in_state(decided["task_id"], "done")
    talk = await door.task(project, title="Show the shop", role="presenter")
    card = await door.in_state(talk["task_id"], "done")
    drawn = await door.ask("POST", "/documentation/draw", 200, {"project_id": project})
    (one,) = drawn["items"]
    record = await door.ask("GET", f"/documents/{one['id']}", 200, params={"after": drawn["position"]})
    assert (record["kind"], record["state"], record["project_id"]) == ("adr", "draft", project)
    assert record["source"]["task_id"] == decided["task_id"] and record["source"]["position"] > 0
    (told,) = (await door.ask("GET", "/events", 200, params={"after": record["source"]["position"] - 1, "limit": 1}))[
        "items"
    ]
    assert (told["topic"], told["event"]["task_id"]) == ("run.artifact-recorded", decided["task_id"])
    assert "Decided by architect" in record["text"] and f"(/t/{decided['task_id']})" in record["text"]
    edited = await door.ask("PUT", f"/documents/{one['id']}", 200, {"version": 1, "text": "Mine"})
    assert edited["version"] == 2
    again = await door.ask("POST", "/documentation/draw", 200, {})
    assert [found["id"] for found in again["items"]] == [one["id"]]
    read = await door.ask("GET", f"/documents/{one['id']}", 200, params={"after": edited["position"]})
    assert read["text"] == "Mine"
    drawn = await door.ask("POST", "/documentation/draw", 200, {"of": "presentations"})
    asked_for = {"kind": "presentation", "after": drawn["position"]}
    (slides,) = (await door.ask("GET", "/documents", 200, params=asked_for))["items"]
    assert slides["source"]["run_id"] == card["runs"][0]["run_id"]


async def test_what_people_approve_in_a_workflow_becomes_a_record_too(door: Door) -> None:
    run = await started(door)
    approval = await asked(door)
    said = {"decision": "approve", "seen": approval["seen"], "comment": "Partitions are easy to undo."}
    decided = await door.ask("POST", f"/approvals/{approval['id']}", 200, said)
    drawn = await door.ask("POST", "/documentation/draw", 200, {})
    texts = [await door.ask("GET", f"/documents/{one['id']}", 200) for one in drawn["items"]]
    [record] = [one for one in texts if one["source"]["workflow_run_id"] == run["id"]]
    assert record["source"]["position"] <= decided["position"] and record["title"].endswith(": approved")
    assert "Decided by user:local" in record["text"] and "- Partitions are easy to undo." in record["text"]
    assert "- Approve\n- Reject" in record["text"]
    # What the architect handed in before stands in a record of its own.
    assert [one["source"]["run_id"] is not None for one in texts] == [True, False]


async def test_documents_are_found_as_they_are_now_and_no_more_once_they_are_removed(door: Door) -> None:
    document = await made(door, text=f"Lend it for two weeks. {LONG}")
    params = {"q": "fortnight", "kinds": "document"}
    assert (await door.ask("GET", "/search", 200, params=params))["items"] == []
    path = f"/documents/{document['id']}"
    edited = await door.ask("PUT", path, 200, {"version": 1, "text": "Lend it for a fortnight."})
    [hit] = (await door.ask("GET", "/search", 200, params={**params, "after": edited["position"]}))["items"]
    assert (hit["kind"], hit["id"], hit["title"]) == ("document", document["id"], "How to lend a book")
    gone = await door.ask("DELETE", path, 200)
    assert (await door.ask("GET", "/search", 200, params={**params, "after": gone["position"]}))["items"] == []


async def test_a_finished_card_leads_to_a_card_for_the_documenter(door: Door) -> None:
    project = (await door.project())["id"]
    assert (await door.ask("GET", "/documentation", 200))["rule"] == "off"
    said = await door.ask("PUT", "/documentation", 200, {"project_id": project, "rule": "each"})
    assert said["projects"] == [{"project_id": project, "rule": "each", "in_effect": "each"}]
    task = (await door.task(project))["task_id"]
    await door.in_state(task, "done")
    for _ in range(100):
        cards = (await door.ask("GET", "/documentation", 200))["cards"]
        if cards:
            break
        await door.system.projector("default").wait_for(await door.head() + 1, 1)
    assert [one["of_tasks"] for one in cards] == [[task]]
    card = await door.ask("GET", f"/tasks/{cards[0]['task_id']}", 200)
    assert (card["title"], card["role"]) == ("Document: Write a parser", "documenter")
    missing = await door.http.put(f"{API}/documentation", json={"project_id": "project-none", "rule": "each"})
    check_problem(missing, 404, "not-found")
