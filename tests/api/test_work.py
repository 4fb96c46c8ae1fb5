"""Work in a person's repository, asked for and judged through the API: real git, a real sandbox, scripted vendors."""

from __future__ import annotations

from typing import Any

from tests.api.persons import GREEN, RED, WORK, Person
from tests.work.site import call, scripted


async def test_work_is_seen_step_by_step_approved_at_its_head_and_merged(person: Person) -> None:
    project = await person.project(GREEN)
    task = await person.task(project)
    card = await person.in_state(task, "review")
    assert (card["branch"], card["checks"], card["reviewer"]) == (f"vapora/{task}", "green", "human")
    assert card["landed"] is None and card["doing"] is None

    changes = await person.ask("GET", f"/tasks/{task}/changes", 200)
    assert changes["head"] == card["head"]
    assert [(one["path"], one["additions"], one["deletions"]) for one in changes["files"]] == [("slug.py", 1, 1)]
    assert "+    return text.lower()" in changes["patch"]
    assert [(one["name"], one["exit_code"]) for one in changes["checks"]] == [("lower", 0)]
    assert changes["commits"][0]["run_id"] == card["runs"][0]["run_id"]
    file = await person.ask("GET", f"/tasks/{task}/files", 200, path="slug.py")
    assert "lower()" in file["text"]

    run = card["runs"][0]["run_id"]
    steps = (await person.ask("GET", f"/runs/{run}/steps", 200))["items"]
    assert [(one["kind"], one["name"], one["step"]) for one in steps if one["kind"] not in ("model", "setup")] == [
        ("tool", "file_read", 0),
        ("tool", "file_edit", 1),
        ("tool", "finish", 2),
        ("check", "lower", 2),
    ]
    assert {one["state"] for one in steps} == {"done"}
    edit = next(one for one in steps if one["name"] == "file_edit")
    assert edit["arguments"]["path"] == "slug.py"
    assert edit["commit"] == card["head"]
    paged = await person.ask("GET", f"/runs/{run}/steps", 200, limit=2)
    rest = await person.ask("GET", f"/runs/{run}/steps", 200, limit=100, cursor=paged["next"])
    assert paged["items"] + rest["items"] == steps
    brief = await person.ask("GET", f"/runs/{run}/brief", 200)
    assert "Mend the slug" in str(brief["brief"]) or brief["brief"]["bytes"] > 8_192

    before = person.theirs.head("main")
    problem = await person.ask("POST", f"/tasks/{task}/merge", 409, {})
    assert problem["code"] == "not-approved"
    problem = await person.ask("POST", f"/tasks/{task}/approve", 409, {"head": before})
    assert problem["code"] == "review-outdated"
    assert person.theirs.head("main") == before
    approved = await person.ask("POST", f"/tasks/{task}/approve", 200, {"head": card["head"], "comment": "Good."})
    card = await person.ask("GET", f"/tasks/{task}", 200, after=approved["position"])
    assert (card["state"], card["approved_head"], card["landed"]) == ("done", card["head"], None)
    merged = await person.ask("POST", f"/tasks/{task}/merge", 200)
    assert person.theirs.head("main") == merged["oid"]
    assert "lower" in person.theirs.show("slug.py", "main")
    card = await person.ask("GET", f"/tasks/{task}", 200, after=merged["position"])
    assert card["landed"]["oid"] == merged["oid"]
    audit = (await person.ask("GET", "/audit", 200, resource=f"task:{task}"))["items"]
    assert "task.landed" in [one["topic"] for one in audit]
    repo = await person.ask("GET", f"/projects/{project}/repo", 200)
    assert (repo["base_branch"], repo["head"], repo["problem"]) == ("main", merged["oid"], None)


async def test_red_checks_go_to_a_person_and_are_merged_only_with_force_which_is_audited(person: Person) -> None:
    task = await person.task(await person.project(RED), review="none")
    card = await person.in_state(task, "review")
    assert (card["checks"], card["waiting"]["reason"], card["reviewer"]) == ("red", "checks", "human")
    await person.ask("POST", f"/tasks/{task}/approve", 200, {"head": card["head"]})
    before = person.theirs.head("main")
    problem = await person.ask("POST", f"/tasks/{task}/merge", 409, {})
    assert problem["code"] == "checks-failed"
    assert person.theirs.head("main") == before
    merged = await person.ask("POST", f"/tasks/{task}/merge", 200, {"force": True, "strategy": "merge"})
    audit = await person.ask("GET", "/audit", 200, resource=f"task:{task}", after=merged["position"])
    assert [one["action"] for one in audit["items"] if one["topic"] == "task.landed"] == ["override"]


async def test_a_conflict_names_its_paths_and_the_card_can_be_sent_back_with_it(person: Person) -> None:
    task = await person.task(await person.project(GREEN))
    card = await person.in_state(task, "review")
    person.theirs.commit({"slug.py": "def slug(text):\n    return text.strip()\n"}, "Strip")
    await person.ask("POST", f"/tasks/{task}/approve", 200, {"head": card["head"]})
    before = person.theirs.snapshot()
    problem = await person.ask("POST", f"/tasks/{task}/merge", 409, {})
    assert (problem["code"], problem["paths"]) == ("merge-conflict", ["slug.py"])
    assert person.theirs.snapshot() == before
    card = await person.card(task, lambda one: one["landing_problem"] is not None)
    assert (card["landing_problem"]["kind"], card["landing_problem"]["paths"]) == ("merge-conflict", ["slug.py"])
    await person.ask("POST", f"/tasks/{task}/resolve", 200, {"comment": "Keep both."})
    card = await person.card(task, lambda one: len(one["runs"]) == 2)
    assert card["comment"] == "Keep both."


async def test_a_comment_on_a_line_is_kept_in_its_thread_and_goes_to_the_author_with_the_card(person: Person) -> None:
    task = await person.task(await person.project())
    card = await person.in_state(task, "review")
    said = {"text": "Why so?", "path": "slug.py", "line": 2, "head": card["head"]}
    made = await person.ask("POST", f"/tasks/{task}/comments", 201, said)
    [comment] = (await person.ask("GET", f"/tasks/{task}/comments", 200, after=made["position"]))["items"]
    assert (comment["text"], comment["thread"], comment["agent_id"]) == ("Why so?", "slug.py:2:new", None)
    body = {
        "head": card["head"],
        "comment": "Not so.",
        "comments": [{"path": "slug.py", "line": 2, "text": "Casefold."}],
    }
    sent = await person.ask("POST", f"/tasks/{task}/request-changes", 200, body)
    card = await person.ask("GET", f"/tasks/{task}", 200, after=sent["position"])
    assert card["comments"] == 3
    threads = (await person.ask("GET", f"/tasks/{task}/comments", 200))["items"]
    assert [(one["kind"], one["thread"]) for one in threads] == [
        ("comment", "slug.py:2:new"),
        ("changes-requested", "card"),
        ("comment", "slug.py:2:new"),
    ]
    again = await person.card(task, lambda one: one["state"] == "review" and len(one["runs"]) == 2)
    assert again["runs"][1]["agent_id"] == again["runs"][0]["agent_id"]
    problem = await person.ask("POST", f"/tasks/{task}/comments", 422, {"text": "x", "line": 3})
    assert "path" in problem["detail"] or problem["errors"]


async def test_a_question_stands_on_the_card_until_a_comment_answers_it(person: Person) -> None:
    asks = [call("ask", question="Upper or lower?")]
    person.site.vendors.default(scripted([asks, [call("finish", summary="Done.")]]))
    task = await person.task(await person.project())
    card = await person.card(task, lambda one: one["question"] is not None)
    assert card["question"]["text"].startswith("Upper or lower?")
    waits = await person.card(task, lambda one: one["waiting"] is not None)
    assert (waits["waiting"]["reason"], waits["unread"]) == ("answer", 1)
    answer = {"text": "Lower.", "answers": card["question"]["call_id"]}
    await person.ask("POST", f"/tasks/{task}/comments", 201, answer)
    card = await person.in_state(task, "review")
    assert (card["question"], card["unread"], card["comments"]) == (None, 0, 2)
    said = (await person.ask("GET", f"/tasks/{task}/comments", 200))["items"]
    assert [(one["kind"], one["open"]) for one in said] == [("question", False), ("answer", False)]
    assert said[0]["thread"] == said[1]["thread"]


async def test_attempts_stand_side_by_side_until_one_is_picked(person: Person) -> None:
    task = await person.task(await person.project())
    first = await person.in_state(task, "review")
    await person.ask("POST", f"/tasks/{task}/attempts", 202)
    second = await person.card(task, lambda one: one["state"] == "review" and one["attempt"] == 2)
    assert second["branch"] == f"vapora/{task}.2"
    attempts = (await person.ask("GET", f"/tasks/{task}/attempts", 200))["items"]
    assert [(one["number"], one["state"], one["branch"]) for one in attempts] == [
        (1, "succeeded", f"vapora/{task}"),
        (2, "succeeded", f"vapora/{task}.2"),
    ]
    picked = await person.ask("POST", f"/tasks/{task}/attempts/1/pick", 200)
    card = await person.ask("GET", f"/tasks/{task}", 200, after=picked["position"])
    assert (card["attempt"], card["head"], card["state"]) == (1, first["head"], "review")
    attempts = (await person.ask("GET", f"/tasks/{task}/attempts", 200))["items"]
    assert [one["picked"] for one in attempts] == [True, False]
    await person.ask("POST", f"/tasks/{task}/attempts/7/pick", 404)


async def test_a_run_is_paused_resumed_and_cancelled(person: Person) -> None:
    person.site.vendors.default(scripted([[call("ask", question="Which?")], [call("finish", summary="Done.")]]))
    task = await person.task(await person.project())
    card = await person.card(task, lambda one: one["question"] is not None)
    run = card["runs"][0]["run_id"]
    await person.ask("POST", f"/runs/{run}/pause", 200, {"reason": "Lunch."})
    await person.ask("POST", f"/runs/{run}/resume", 200)
    cancelled = await person.ask("POST", f"/runs/{run}/cancel", 200, {"reason": "Not that one."})
    card = await person.ask("GET", f"/tasks/{task}", 200, after=cancelled["position"])
    assert card["comment"] == "Not that one."
    ended = await person.card(task, lambda one: one["runs"][0]["state"] == "cancelled")
    assert ended["runs"][0]["run_id"] == run
    problem = await person.ask("POST", f"/runs/{run}/cancel", 409)
    assert "has ended" in problem["detail"]


async def test_a_paused_project_and_a_paused_workspace_start_nothing_and_say_so(person: Person) -> None:
    project = await person.project()
    paused = await person.ask("POST", f"/projects/{project}/pause", 200, {"reason": "Not now."})
    task = await person.task(project)
    card = await person.card(task, lambda one: one["waiting"] is not None)
    assert card["waiting"]["reason"] == "paused"
    assert "Not now." in card["waiting"]["remedy"]
    board = await person.ask("GET", "/board", 200, after=paused["position"])
    assert [(one["scope"], one["id"], one["reason"]) for one in board["paused"]] == [("project", project, "Not now.")]
    shown = await person.ask("GET", f"/projects/{project}", 200)
    assert shown["paused"]["reason"] == "Not now."
    everything = await person.ask("POST", "/pause", 200)
    board = await person.ask("GET", "/board", 200, after=everything["position"])
    assert [one["scope"] for one in board["paused"]] == ["project", "workspace"]
    await person.ask("POST", f"/projects/{project}/resume", 200)
    again = await person.ask("POST", "/resume", 200)
    assert (await person.ask("GET", "/board", 200, after=again["position"]))["paused"] == []
    await person.in_state(task, "review")


async def test_an_agents_review_is_assigned_with_its_reasons_and_its_comments_stand_on_the_lines(
    person: Person,
) -> None:
    verdict = [
        call(
            "submit_review",
            verdict="request-changes",
            summary="Casefold it.",
            comments=[{"path": "slug.py", "line": 2, "text": "Here."}],
        )
    ]
    person.site.vendors.default(scripted(WORK, review=[verdict]))
    task = await person.task(await person.project(GREEN), review="agent")
    card = await person.card(task, lambda one: one["comments"] >= 2)
    said = (await person.ask("GET", f"/tasks/{task}/comments", 200))["items"][:2]
    assert [(one["kind"], one["path"]) for one in said] == [("changes-requested", None), ("comment", "slug.py")]
    assert all(one["agent_id"] == "code-reviewer" for one in said)
    assert card["unread"] == card["comments"]
    decisions = (await person.ask("GET", f"/tasks/{task}/why", 200))["decisions"]
    assert {one["chosen"] for one in decisions if one["kind"] == "reviewer"} == {"code-reviewer"}
    reviews = [one for one in card["runs"] if one["purpose"] == "review"]
    steps = (await person.ask("GET", f"/runs/{reviews[0]['run_id']}/steps", 200))["items"]
    assert [one["name"] for one in steps if one["kind"] == "review"] == ["request-changes"]


async def test_a_file_of_the_repository_is_run_only_after_its_text_was_accepted(person: Person) -> None:
    text = '[[checks]]\nname = "lower"\ncommand = "grep -q lower slug.py"\n'
    person.theirs.commit({".vapora/project.toml": text}, "Set up")
    project = await person.project(checks=None)
    file = await person.ask("GET", f"/projects/{project}/file", 200)
    assert (file["text"], file["accepted"], file["problem"]) == (text, False, None)
    problem = await person.ask("POST", f"/projects/{project}/accept-file", 409, {"sha256": "0" * 64})
    assert "another" in problem["detail"]
    accepted = await person.ask("POST", f"/projects/{project}/accept-file", 200, {"sha256": file["sha256"]})
    shown = await person.ask("GET", f"/projects/{project}", 200, after=accepted["position"])
    assert shown["accepted_file"] == file["sha256"]
    task = await person.task(project)
    assert (await person.in_state(task, "review"))["checks"] == "green"


async def test_what_cannot_be_a_repository_is_refused_with_a_sentence_and_makes_no_project(person: Person) -> None:
    plain = person.site.folder / "plain"
    plain.mkdir()
    path = str(person.theirs.path)
    refused: list[tuple[dict[str, Any], str]] = [
        ({"repo": str(person.site.folder / "missing")}, "not-a-repository"),
        ({"repo": str(plain)}, "not-a-repository"),
        ({"repo": "/etc"}, "source-refused"),
        ({"repo": "https://user:secret@example.invalid/it.git"}, "source-refused"),
        ({"repo": "ext::sh -c id"}, "source-refused"),
        ({"repo": path, "base_branch": "no-such"}, "unknown-branch"),
        ({"repo": path, "checks": [{"name": "test", "command": "  "}]}, "invalid-request"),
        ({"repo": path, "checks": [{"name": "a", "command": "b"}, {"name": "a", "command": "c"}]}, "invalid-request"),
        ({"repo": "  "}, "invalid-request"),
        ({"repo": path, "sandbox": "jail"}, "invalid-request"),
        ({"repo": path, "merge_policy": "always"}, "invalid-request"),
    ]
    for more, code in refused:
        problem = await person.ask("POST", "/projects", 422, {"name": "x", **more})
        assert problem["code"] == code, more
        assert problem["detail"] and problem["remedy"], more
        assert "secret" not in str(problem)
    assert (await person.ask("GET", "/projects", 200))["items"] == []
    project = await person.project()
    for more, code in refused[:6]:
        assert (await person.ask("PATCH", f"/projects/{project}", 422, more))["code"] == code
    assert (await person.ask("GET", f"/projects/{project}", 200))["repo"] == path


async def test_what_is_not_there_is_said_plainly(person: Person) -> None:
    person.site.vendors.default(scripted(["A text."]))
    project = (await person.ask("POST", "/projects", 201, {"name": "Without"}))["id"]
    task = await person.task(project)
    for path in ("repo", "file"):
        assert "repository" in (await person.ask("GET", f"/projects/{project}/{path}", 404))["detail"]
    for method, path, body in (
        ("GET", "/tasks/none/changes", None),
        ("GET", "/tasks/none/comments", None),
        ("GET", "/tasks/none/attempts", None),
        ("GET", "/tasks/none/files?path=x", None),
        ("POST", "/tasks/none/comments", {"text": "x"}),
        ("POST", "/tasks/none/approve", {"head": "0" * 40}),
        ("POST", "/tasks/none/request-changes", {"head": "0" * 40}),
        ("POST", "/tasks/none/merge", {}),
        ("POST", "/tasks/none/push", None),
        ("POST", "/tasks/none/attempts", {}),
        ("GET", "/runs/none/steps", None),
        ("POST", "/runs/none/pause", None),
        ("POST", "/runs/none/cancel", None),
        ("POST", "/projects/none/pause", None),
        ("GET", "/projects/none/repo", None),
    ):
        problem = await person.ask(method, path, 404, body)
        assert problem["code"] == "not-found" and "none" in problem["detail"], path
    await person.ask("POST", f"/tasks/{task}/approve", 422, {"head": "main"})
    await person.ask("POST", f"/tasks/{task}/comments", 422, {"text": "  "})
    card = await person.in_state(task, "review")
    run = card["runs"][0]["run_id"]
    await person.ask("GET", f"/runs/{run}/content/{'0' * 64}", 404)
    await person.ask("GET", f"/runs/{run}/content/nonsense", 422)
    for path, body in (("approve", {"head": "0" * 40}), ("merge", {}), ("resolve", {})):
        assert (await person.ask("POST", f"/tasks/{task}/{path}", 409, body))["remedy"], path
