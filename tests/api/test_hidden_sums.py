"""To somebody from whom a project is hidden, every route answers as it would in a workspace that never had it; what is
one number of all projects is refused."""

from __future__ import annotations

import re
from typing import Any

from events.ids import MemberRole
from tests.api.requests import Asked, requests
from tests.api.tenants import ACME, BETA, OPERATOR, Tenants, tenants
from vapora.commands import AddMember
from vapora.domain.access import ACTIONS
from vapora.settings import Settings

# A person in both workspaces; in acme there is a project that they may not read.
WHO = "admin"
OWNERS = {ACME: "owner", BETA: "rival"}
# What one workspace has and the other has not beside the project: people, programs, and the policy itself; and what
# tells of single events, whose order is that of two machines at work (`test_hidden_rows` looks at these).
APART = {
    "list_members", "get_workspace", "list_tokens", "get_policies", "list_invitations", "list_teams",
    "list_events", "list_audit", "export_audit", "get_event", "get_chain",
}  # fmt: skip
# Where something stands in the log, when it was, and how long it took.
VARYING = re.compile(
    r"(^|_)(position|head|at|since|day|next|cursor|causation|correlation|s|ms|load|size|seen|rank|expertise)$"
)
IDS = re.compile(
    r"\b(project|task|cor|comment|relation|workflow-run|plan|document)-[0-9a-f]{8,}|[0-9a-f]{40,}|20\d\d-[^ \"]*"
)


async def ask(there: Tenants, workspace: str, who: str, method: str, path: str, body: Any = None, **query: Any) -> Any:
    given = {} if body is None else {"json": body}
    headers = there.headers(who, workspace)
    return await there.http.request(method, f"/api/v1{path}", headers=headers, params=query or None, **given)


async def made(there: Tenants, workspace: str, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await ask(there, workspace, OWNERS[workspace], method, path, body)
    assert answer.is_success, f"{path}: {answer.text}"
    return dict(answer.json())


async def worked_on(there: Tenants, workspace: str, name: str) -> str:
    """A project with a card that an agent has finished, one that waits, and a limit; its id."""
    id_ = str((await made(there, workspace, "POST", "/projects", {"name": name}))["id"])
    card = {"project_id": id_, "title": f"Card of {name}"}
    done = (await made(there, workspace, "POST", "/tasks", {**card, "role": "tester"}))["task_id"]
    waits = {**card, "blocked_by": [done], "assignee": "anna", "priority": 3}
    await made(there, workspace, "POST", "/tasks", waits)
    await made(there, workspace, "PUT", f"/budgets/project/{id_}", {"weekly_limit_cents": 100})
    await made(there, workspace, "POST", "/knowledge/relations", {"problem": name, "cause": name, "task_id": done})
    position = 0
    while True:
        answer = await ask(there, workspace, OWNERS[workspace], "GET", f"/tasks/{done}")
        if answer.json()["state"] in ("done", "failed", "review"):
            return id_
        frames = await there.system.projector(workspace).frames(position, timeout_s=10)
        position = frames[-1]["position"] if frames else position


def plain(value: Any, workspace: str) -> Any:
    """Without what differs between two workspaces in which the same was done."""
    match value:
        case dict():
            return {
                plain(name, workspace): plain(one, workspace) for name, one in value.items() if not VARYING.search(name)
            }
        case list():
            return [plain(one, workspace) for one in value]
        case str():
            return (
                IDS.sub("<id>", value).replace(workspace, "<workspace>").replace(f"user:{OWNERS[workspace]}", "<owner>")
            )
    return value


def questions(there: Tenants) -> list[tuple[Asked, dict[str, Any]]]:
    """Every route of a workspace that reads, whose path names no one thing of a project; each once."""
    queries = {"search": {"q": "card"}, "list_ids": {"prefix": "task-"}, "get_knowledge_graph": {"node": "agent:rita"}}
    found: dict[str, tuple[Asked, dict[str, Any]]] = {}
    for name in ("rita", "tester"):
        for one in requests(there.app.openapi(), name):
            if one.method != "GET" or ACTIONS[one.operation].level != "workspace" or one.operation in APART:
                continue
            if name not in one.path or any(part in one.path for part in ("/agents/", "/profiles/", "/budgets/")):
                found[one.path] = (one, queries.get(one.operation, {}))
    costs, _ = next(one for one in found.values() if one[0].operation == "get_costs")
    keys = ("provider", "role,project", "model,task_type,agent", "day")
    return [*found.values(), *((costs, {"group_by": key}) for key in keys)]


async def test_every_route_answers_as_if_a_hidden_project_had_never_been(settings: Settings) -> None:
    async with tenants(settings) as there:
        await there.system.identity().carry_out(
            OPERATOR, AddMember(user_id=WHO, role=MemberRole.ADMIN), workspace_id=BETA
        )
        ends = {}
        for workspace in (ACME, BETA):
            await made(there, workspace, "POST", "/agents", {"role": "tester", "name": "Rita", "id": "rita"})
            await made(there, workspace, "PUT", "/budgets/tester", {"monthly_limit_cents": 5_000})
            await worked_on(there, workspace, "Open")
        closed = await worked_on(there, ACME, "Closed")
        text = 'forbid(principal == User::"{who}", action, resource in Project::"{project}");'
        assert (await there.policies(text.format(who=WHO, project=closed))).status_code == 200
        assert (await there.policies(text.format(who=WHO, project="none"), BETA, "rival")).status_code == 200
        for workspace in (ACME, BETA):
            ends[workspace] = (await ask(there, workspace, WHO, "GET", "/position")).json()["head"]
            while (await ask(there, workspace, WHO, "GET", "/search", q="x", after=ends[workspace])).status_code == 504:
                pass  # it waited for the index, some seconds each time
        differ, refused, hides = [], set(), set()
        for one, query in questions(there):
            path = one.path.removeprefix("/api/v1")
            theirs = await ask(there, ACME, WHO, "GET", path, **query)
            never = await ask(there, BETA, WHO, "GET", path, **query)
            owners = await ask(there, ACME, "owner", "GET", path, **query)
            if theirs.status_code == 403 and never.status_code == 200:
                assert "one sum over all projects" in theirs.json()["detail"], theirs.text
                refused.add(path)
                continue
            asked = ((theirs, ACME), (never, BETA), (owners, ACME))
            found, expected, whole = (plain(answer.json(), workspace) for answer, workspace in asked)
            if one.operation == "list_budgets":
                # What agents and roles may spend is one number of all projects.
                expected["items"] = [row for row in expected["items"] if row["scope"] == "project"]
            if found != expected:
                differ.append(f"{one.operation} {path} {query}:\n  {found}\n  {expected}")
            hides |= {one.operation} if found != whole else set()
        metrics = await there.http.get("/metrics", headers=there.headers(WHO))
        owners = await there.http.get("/metrics", headers=there.headers("owner"))
    assert not differ, "\n".join(differ)
    assert refused == {
        "/queue", "/knowledge/curves", "/agents/rita/learning", "/agents/tester/learning",
        "/budgets/developer", "/budgets/agent/rita", "/budgets/agent/tester",
    }, refused  # fmt: skip
    assert hides >= {"get_costs", "get_flow", "get_board", "get_knowledge_effect", "get_knowledge_profile"}, hides
    assert f'workspace="{BETA}"' in metrics.text and f'workspace="{ACME}"' not in metrics.text
    assert f'workspace="{ACME}"' in owners.text
