"""The table of tools of `/mcp`. What one may do is what its operations may: see `vapora.api.mcp.within`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from events.ids import TaskState
from vapora.api.mcp import arguments as takes
from vapora.api.mcp.within import Refused, Within

Found = dict[str, Any]
# The newest comments of a card, and cards that wait for people, as far as one answer tells them.
_MOST_TOLD = 20


@dataclass(frozen=True, slots=True)
class Tool:
    """`reads`: it changes nothing."""

    name: str
    title: str
    about: str
    takes: type[BaseModel]
    act: Callable[[Within, Any], Awaitable[Found]]
    reads: bool = True


async def _create_task(api: Within, asked: takes.CreateTask) -> Found:
    body = _said(asked.body())
    accepted = await api.send("POST", "/tasks", body=body, key=asked.request_key)
    return await _with_card(api, accepted["task_id"], accepted["position"])


async def _update_task(api: Within, asked: takes.UpdateTask) -> Found:
    edit, position = asked.edit(), 0
    if edit is not None:
        accepted = await api.send("PATCH", "/tasks/{}", asked.task_id, body=_said(edit), key=asked.request_key)
        position = accepted["position"]
    if asked.state is not None:
        move = {"state": asked.state.value, "comment": asked.comment}
        try:
            accepted = await api.send("POST", "/tasks/{}/move", asked.task_id, body=move, key=asked.request_key)
        except Refused as refused:
            if edit is not None:
                refused.args = (f"The card was edited, but not moved. {refused}",)
            raise
        position = accepted["position"]
    return await _with_card(api, asked.task_id, position)


async def _assign_task(api: Within, asked: takes.AssignTask) -> Found:
    body = {"agent": asked.agent_id}
    accepted = await api.send("POST", "/tasks/{}/attempts", asked.task_id, body=body, key=asked.request_key)
    return await _with_card(api, asked.task_id, accepted["position"])


async def _comment_task(api: Within, asked: takes.CommentOnTask) -> Found:
    body = _said(asked.body())
    made: Found = await api.send("POST", "/tasks/{}/comments", asked.task_id, body=body, key=asked.request_key)
    return made


async def _list_tasks(api: Within, asked: takes.ListTasks) -> Found:
    found: Found = await api.get("/tasks", **asked.model_dump(mode="json"))
    return found


async def _get_task(api: Within, asked: takes.OneTask) -> Found:
    card = await api.get("/tasks/{}", asked.task_id)
    comments: list[Found] = []
    cursor = None
    while True:
        page = await api.get("/tasks/{}/comments", asked.task_id, limit=500, cursor=cursor)
        comments, cursor = [*comments, *page["items"]][-_MOST_TOLD:], page["next"]
        if cursor is None:
            return {"card": card, "comments": comments}


async def _get_changes(api: Within, asked: takes.OneTask) -> Found:
    found: Found = await api.get("/tasks/{}/changes", asked.task_id)
    return found


async def _get_why(api: Within, asked: takes.OneTask) -> Found:
    found: Found = await api.get("/tasks/{}/why", asked.task_id)
    return found


async def _search(api: Within, asked: takes.Search) -> Found:
    kinds = ",".join(asked.kinds) or None
    found: Found = await api.get(
        "/search", q=asked.query, kinds=kinds, project_id=asked.project_id, limit=asked.limit, after=asked.after
    )
    return found


async def _list_projects(api: Within, asked: takes.ListProjects) -> Found:
    found: Found = await api.get("/projects", limit=asked.limit, cursor=asked.cursor)
    return found


async def _project_summary(api: Within, asked: takes.ProjectSummary) -> Found:
    project = await api.get("/projects/{}", asked.project_id)
    dashboard = await api.get("/projects/{}/dashboard", asked.project_id, days=asked.days)
    costs = await api.get("/costs", project_id=asked.project_id)
    waiting = [
        {key: card[key] for key in ("id", "title", "state", "waiting", "question")}
        for state in (TaskState.REVIEW, TaskState.FAILED)
        for card in (await api.get("/tasks", project_id=asked.project_id, state=state.value, limit=_MOST_TOLD))["items"]
    ]
    return {
        "project": project,
        "cards": dashboard["cards"],
        "lead": dashboard["lead"],
        "cycle": dashboard["cycle"],
        "team": dashboard["team"],
        "costs": costs["items"],
        "waiting_for_people": waiting,
    }


async def _agent_capabilities(api: Within, asked: takes.AgentCapabilities) -> Found:
    if asked.agent_id is not None:
        agent = await api.get("/agents/{}", asked.agent_id)
        return {"agent": agent, "learning": await api.get("/agents/{}/learning", asked.agent_id)}
    found: Found = await api.get("/agents", role=asked.role, task_type=asked.task_type)
    return found


def _said(command: BaseModel) -> Any:
    return command.model_dump(mode="json", exclude_unset=True)


async def _with_card(api: Within, task_id: str, position: int) -> Found:
    """What was done stands; whether it can be shown as well decides nothing."""
    made: Found = {"task_id": task_id, "position": position}
    try:
        return made | {"card": await api.get("/tasks/{}", task_id, after=position or None)}
    except Refused as refused:
        if not position:
            raise
        return made | {"not_shown": str(refused)}


_TABLE = (
    Tool(
        "kanban_create_task",
        "Hand in a task",
        "Put a card on the board; an agent takes it up from there. Without review none, a person or an agent judges "
        "the work before it is done.",
        takes.CreateTask,
        _create_task,
        reads=False,
    ),
    Tool(
        "kanban_update_task",
        "Edit or move a card",
        "Change fields of a card, move it to another column, or both. Moving from review to done approves the work, "
        "from review to todo sends it back with the comment.",
        takes.UpdateTask,
        _update_task,
        reads=False,
    ),
    Tool(
        "assign_task_to_agent",
        "Have an agent do a task",
        "Start an attempt at the card by this agent and no other. Without this, the most able one gets it by itself.",
        takes.AssignTask,
        _assign_task,
        reads=False,
    ),
    Tool(
        "kanban_comment_task",
        "Say something on a card",
        "Its next run reads it. With `answers`, the agent's question is answered and its run goes on.",
        takes.CommentOnTask,
        _comment_task,
        reads=False,
    ),
    Tool("kanban_list_tasks", "List cards", "The newest first, without their texts.", takes.ListTasks, _list_tasks),
    Tool(
        "kanban_get_task",
        "Show a card",
        "With its description, what it waits for, its runs and their cost, and the newest comments.",
        takes.OneTask,
        _get_task,
    ),
    Tool(
        "get_task_changes",
        "Show what a task changed",
        "Commits, files, the patch and the checks of its branch.",
        takes.OneTask,
        _get_changes,
    ),
    Tool(
        "get_task_why",
        "Say why a task went as it did",
        "Every choice of an agent, a model and money, with what else could have been chosen.",
        takes.OneTask,
        _get_why,
    ),
    Tool(
        "search_workspace",
        "Find things",
        "Cards, runs, documents, comments and code that hold the words, the best first.",
        takes.Search,
        _search,
    ),
    Tool("list_projects", "List the projects", "With their ids.", takes.ListProjects, _list_projects),
    Tool(
        "get_project_summary",
        "Sum up a project",
        "Cards by state, how long they take, who did them, what it cost, and what waits for people.",
        takes.ProjectSummary,
        _project_summary,
    ),
    Tool(
        "get_agent_capabilities",
        "Say what agents can do",
        "The agents with role, state, load, capabilities and task types; of one agent also what it has learned.",
        takes.AgentCapabilities,
        _agent_capabilities,
    ),
)
TOOLS: dict[str, Tool] = {tool.name: tool for tool in _TABLE}
