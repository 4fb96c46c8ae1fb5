"""The asynchronous client. `python -m tests.sdk.make` makes the synchronous one from it: change this one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, overload

from events.ids import Scope, TaskState
from vapora import commands, views
from vapora.sdk.async_channels import AsyncChannels
from vapora.sdk.async_documents import AsyncDocuments
from vapora.sdk.async_handles import AsyncProjects, AsyncTasks
from vapora.sdk.async_knowledge import AsyncKnowledge
from vapora.sdk.async_packages import AsyncPackages
from vapora.sdk.async_pages import AsyncPages
from vapora.sdk.async_people import AsyncPeople
from vapora.sdk.async_plans import AsyncPlans
from vapora.sdk.async_schedules import AsyncSchedules
from vapora.sdk.async_search import AsyncSearch
from vapora.sdk.async_tool_servers import AsyncToolServers
from vapora.sdk.async_trackers import AsyncTrackers
from vapora.sdk.async_webhooks import AsyncWebhooks
from vapora.sdk.async_work import AsyncWork
from vapora.sdk.async_workflows import AsyncWorkflows
from vapora.sdk.async_workspaces import AsyncWorkspaces
from vapora.sdk.frames import Rows
from vapora.sdk.paths import PREFIX, Moment, Position, budget_path, moment, path
from vapora.sdk.problems import problem
from vapora.sdk.shapes import Board, Budgets, Costs, Dashboard, Learning, Why
from vapora.sdk.waiting import SETTLED, State

if TYPE_CHECKING:
    from vapora.sdk.async_live import AsyncLive

# One of `views.Change`.
Changed = TypeVar("Changed", bound=views.View)


class AsyncClient(
    AsyncWork,
    AsyncWorkflows,
    AsyncPackages,
    AsyncPlans,
    AsyncKnowledge,
    AsyncSearch,
    AsyncChannels,
    AsyncTrackers,
    AsyncSchedules,
    AsyncDocuments,
    AsyncWebhooks,
    AsyncToolServers,
    AsyncPeople,
):
    """Speaks to one server, for one workspace. Refusals are raised as `ApiError`, silence as `NoServerError`.

    One method for each operation of the HTTP interface; `projects` and `tasks` also lead to single ones:
    `client.projects["Shortleaf"].tasks.submit("Write a parser")`.

    `workspaces` leads to the others: `client.workspaces["acme"].client()` works there.

    `after=` on a read waits, bounded, until the read models have passed that position: read your own write.
    Fields that a newer server sends in addition are left out, so an older client keeps working.
    """

    async def health(self) -> views.Health:
        """Also of a server that is not ready yet; `status` and `reason` tell."""
        answer = await self._send("GET", "/health", prefix="")
        if answer.status_code not in (200, 503):
            raise problem(answer.status_code, answer.content)
        try:
            return views.Health.model_validate_json(answer.content, extra="ignore")
        except ValueError as error:
            raise problem(answer.status_code, answer.content) from error

    async def liveness(self) -> views.Liveness:
        """That the server answers, whatever else is the matter."""
        return await self._parse(await self._send("GET", "/healthz", prefix=""), views.Liveness)

    async def metrics(self) -> str:
        """Prometheus text."""
        return await self._text("/metrics", prefix="")

    async def status(self, after: Position = None) -> views.Status:
        """How far each read model is, and which have stopped."""
        return await self._get("/status", views.Status, {"after": after})

    async def progress(self, after: Position = None) -> views.Progress:
        """Where the read models and the log are; cheaper than anything that answers with rows."""
        return await self._get("/position", views.Progress, {"after": after})

    async def position(self) -> int:
        """How far the read models have come."""
        return (await self.progress()).position

    async def ids(self, prefix: str, kind: views.IdKind | None = None, after: Position = None) -> Rows[views.Named]:
        """What a short id stands for: everything whose id begins so, at most 20 of a kind."""
        page = await self._get("/ids", views.Page[views.Named], {"prefix": prefix, "kind": kind, "after": after})
        return Rows(page.items)

    async def redeem_code(self, code: str) -> str:
        """The operator's token, for the code that `vapora up --open` gave to a browser. It can be had once."""
        answer = await self._ask("POST", "/operator/redeem", views.OperatorToken, commands.RedeemCode(code=code))
        return answer.token

    # --- workspaces ---

    @property
    def workspaces(self) -> AsyncWorkspaces:
        """`client.workspaces()` lists them, `client.workspaces["id"]` is one of them."""
        return AsyncWorkspaces(self)

    def in_workspace(self, workspace_id: str) -> AsyncClient:
        """Another client for the same server, of the same person, in another workspace."""
        return AsyncClient(
            self.url,
            self._token,
            workspace_id,
            self._timeout,
            self._page_size,
            retries=self._retries,
            session=self._session,
            tls=self._given_tls,
        )

    # --- projects ---

    @property
    def projects(self) -> AsyncProjects:
        """`await client.projects()` lists them, `client.projects["name or id"]` is one of them."""
        return AsyncProjects(self)

    async def project(self, name_or_id: str, after: Position = None) -> views.Project:
        """By its id, else by its name. Raises `NotFoundError` where there is none, archived ones are found by their
        id only, and `AmbiguousError` where several have the name."""
        return await self.projects.find(name_or_id, after)

    async def get_project(self, project_id: str, after: Position = None) -> views.Project:
        """By its id, archived ones too."""
        return await self._get(path("projects", project_id), views.Project, {"after": after})

    async def dashboard(self, project_id: str, days: int = 30, after: Position = None) -> Dashboard:
        """How the work of a project flows, over the last days up to today (UTC)."""
        query = {"days": days, "after": after}
        return await self._get(path("projects", project_id, "dashboard"), Dashboard, query)

    async def flow(self, days: int = 30, after: Position = None) -> Dashboard:
        """The same over all projects together."""
        return await self._get("/flow", Dashboard, {"days": days, "after": after})

    async def list_projects(self, archived: bool = False, after: Position = None) -> Rows[views.Project]:
        """In the order in which they were made; archived ones only if asked for."""
        asked = {"archived": True if archived else None, "after": after}
        return await self._all("/projects", views.Project, asked)

    async def create_project(
        self, project: commands.CreateProject | Mapping[str, Any] | str, key: str | None = None
    ) -> views.ProjectMade:
        """`project`: all of it, or its name alone. `same_name` of the answer names other projects of this name: it is
        not refused."""
        asked = {"name": project} if isinstance(project, str) else project
        return await self._ask("POST", "/projects", views.ProjectMade, asked, key)

    async def edit_project(self, project_id: str, change: commands.EditProject) -> views.Project:
        """Only the fields that `change` was given are sent: one that is None is emptied, one left out stays."""
        return await self._ask("PATCH", path("projects", project_id), views.Project, change)

    async def archive_project(self, project_id: str) -> int:
        return await self._write("DELETE", path("projects", project_id))

    # --- tasks ---

    @property
    def tasks(self) -> AsyncTasks:
        """`client.tasks()` lists them, newest first; `client.tasks["id"]` is one of them."""
        return AsyncTasks(self)

    async def submit_task(
        self, task: commands.SubmitTask | Mapping[str, Any], key: str | None = None
    ) -> views.TaskAccepted:
        """`key`: an Idempotency-Key; sent again under the same one, the task is handed in once."""
        return await self._ask("POST", "/tasks", views.TaskAccepted, task, key)

    async def task(self, task_id: str, after: Position = None) -> views.TaskCard:
        return await self._get(path("tasks", task_id), views.TaskCard, {"after": after})

    def list_tasks(
        self,
        project_id: str | None = None,
        state: State | None = None,
        role: str | None = None,
        after: Position = None,
        limit: int | None = None,
        label: str | None = None,
        sort: str | None = None,
    ) -> AsyncPages[views.BoardCard]:
        """Newest first if no other order is asked for, page by page as they are taken. Only `task` has description and
        context. `sort`: created, updated or priority; with - in front the other way round."""
        query = {"project_id": project_id, "state": state, "role": role, "after": after, "label": label, "sort": sort}
        return self._items("/tasks", views.BoardCard, query, limit)

    async def edit_task(self, task_id: str, change: commands.EditTask) -> int:
        """The position. Only the fields that `change` was given are sent: `EditTask(deadline=None)` takes the deadline
        away, `EditTask(priority=9)` leaves it as it is."""
        return await self._write("PATCH", path("tasks", task_id), change)

    async def move(self, task_id: str, state: State, before: str | None = None, comment: str = "") -> int:
        """The position that holds the move."""
        return await self._write(
            "POST",
            path("tasks", task_id, "move"),
            commands.MoveTask(state=TaskState(state), before=before, comment=comment),
        )

    async def archive_task(self, task_id: str) -> int:
        return await self._write("DELETE", path("tasks", task_id))

    async def wait(
        self,
        task_id: str,
        timeout: float | None = None,
        until: Collection[TaskState] = SETTLED,
        after: Position = None,
        progress: bool | Callable[[views.TaskCard], None] = False,
    ) -> views.TaskCard:
        """The card, once it is done, failed, archived or waits for a person's review (or is in `until`).

        `progress`: show a bar, in a notebook or a terminal; or what is called with the card each time it was looked at.
        Raises `WaitTimeoutError`, which says what the task waits for, after `timeout` seconds; None: never. Ctrl-C ends
        the waiting and nothing else: the task goes on.
        """
        return await self.tasks[task_id].wait(timeout, until, after, progress)

    async def why(self, task_id: str, after: Position = None) -> Why:
        return await self._get(path("tasks", task_id, "why"), Why, {"after": after})

    async def runs(self, task_id: str, after: Position = None) -> Rows[views.Execution]:
        """All runs of a task, the first one first."""
        page = await self._get(path("tasks", task_id, "runs"), views.Page[views.Execution], {"after": after})
        return Rows(page.items)

    async def output(self, task_id: str, run_id: str | None = None) -> views.Artifact:
        """The work product with its whole text: of this run, or of the last one that left one. Raises `NotFoundError`
        where there is none yet, with what the runs came to."""
        return await self.tasks[task_id].output(run_id)

    async def run(self, run_id: str, after: Position = None) -> views.Execution:
        return await self._get(path("runs", run_id), views.Execution, {"after": after})

    async def artifacts(self, run_id: str, after: Position = None) -> Rows[views.Artifact]:
        """What a run left; large ones without their text, which `artifact` reads."""
        page = await self._get(path("runs", run_id, "artifacts"), views.Page[views.Artifact], {"after": after})
        return Rows(page.items)

    async def artifact(self, run_id: str, name: str) -> str:
        """The whole text, however large."""
        return await self._text(path("runs", run_id, "artifacts", name))

    async def board(
        self,
        project_id: str | None = None,
        at: Moment = None,
        after: Position = None,
        column: TaskState | None = None,
        cursor: str | None = None,
        label: str | None = None,
    ) -> Board:
        """At most 200 cards a column; `counts` says how many there are. `at`: a position or an instant in the past.
        `column` with its `next` as `cursor`: the cards that follow; `column_cards` does that by itself."""
        query = {"project_id": project_id, "at": moment(at), "after": after, "column": column, "cursor": cursor}
        query["label"] = label
        return await self._get("/board", Board, query)

    def column_cards(
        self, column: TaskState, project_id: str | None = None, at: Moment = None, after: Position = None
    ) -> AsyncPages[views.BoardCard]:
        """All cards of a column in their order, page by page as they are taken. With `at`, all pages are of one moment;
        without, a card that is moved meanwhile may come twice or not at all."""
        return AsyncPages(self._column(column, project_id, at, after))

    async def _column(
        self, column: TaskState, project_id: str | None, at: Moment, after: Position
    ) -> AsyncIterator[views.BoardCard]:
        cursor: str | None = None
        while True:
            page = await self.board(project_id, at, after, column, cursor)
            for card in page.columns[column]:
                yield card
            cursor = page.next[column]
            if cursor is None:
                return

    # --- agents and the catalogue ---

    async def agents(self, after: Position = None, at: Moment = None) -> Rows[views.Agent]:
        return await self._all("/agents", views.Agent, {"after": after, "at": moment(at)})

    async def agent(self, agent_id: str, after: Position = None) -> views.Agent:
        return await self._get(path("agents", agent_id), views.Agent, {"after": after})

    async def register_agent(self, agent: commands.RegisterAgent, key: str | None = None) -> views.Agent:
        return await self._ask("POST", "/agents", views.Agent, agent, key)

    async def replace_agent(self, agent_id: str, agent: commands.ReplaceAgent) -> views.Agent:
        """What is left out becomes what its role's manifest says."""
        return await self._ask("PUT", path("agents", agent_id), views.Agent, agent)

    async def edit_agent(self, agent_id: str, change: commands.EditAgent) -> int:
        return await self._write("PATCH", path("agents", agent_id), change)

    async def drain_agent(self, agent_id: str, drain: commands.DrainAgent | None = None, key: str | None = None) -> int:
        """It ends what it has and gets nothing new. With a limit, others take over what is left by then."""
        wish = drain or commands.DrainAgent()
        return (await self._ask("POST", path("agents", agent_id, "drain"), views.Accepted, wish, key)).position

    async def remove_agent(self, agent_id: str) -> int:
        return await self._write("DELETE", path("agents", agent_id))

    async def learning(self, agent_id: str, after: Position = None) -> Learning:
        return await self._get(path("agents", agent_id, "learning"), Learning, {"after": after})

    async def roles(self) -> Rows[views.Role]:
        return Rows((await self._get("/roles", views.Page[views.Role], {})).items)

    async def role(self, role_id: str) -> views.Role:
        return await self._get(path("roles", role_id), views.Role, {})

    async def task_types(self) -> Rows[views.TaskType]:
        """What `task_type` of a task may be."""
        return Rows((await self._get("/task-types", views.Page[views.TaskType], {})).items)

    # --- money ---

    async def budgets(self, after: Position = None, at: Moment = None) -> Budgets:
        return Budgets(await self._all("/budgets", views.BudgetView, {"after": after, "at": moment(at)}))

    async def budget(self, scope: Scope | str, scope_id: str, after: Position = None) -> views.BudgetView:
        return await self._get(budget_path(scope, scope_id), views.BudgetView, {"after": after})

    async def set_budget(
        self, scope: Scope | str, scope_id: str, limits: commands.SetBudget | commands.SetTaskBudget
    ) -> int:
        """All limits anew: one that is left out is taken away. The position that holds them."""
        return await self._write("PUT", budget_path(scope, scope_id), limits)

    async def edit_budget(
        self, scope: Scope | str, scope_id: str, change: commands.EditBudget | commands.EditTaskBudget
    ) -> views.BudgetEdited:
        """What is left out stays as it is, whoever else changes it at the same time."""
        return await self._ask("PATCH", budget_path(scope, scope_id), views.BudgetEdited, change)

    async def costs(
        self, group_by: Sequence[str] = ("provider",), project_id: str | None = None, after: Position = None
    ) -> Costs:
        query = {"group_by": ",".join(group_by), "project_id": project_id, "after": after}
        return Costs(await self._all("/costs", views.Cost, query))

    # --- settings ---

    async def settings(self, after: Position = None) -> views.WorkspaceSettings:
        return await self._get("/settings", views.WorkspaceSettings, {"after": after})

    async def set_settings(self, settings: commands.ChangeSettings) -> views.WorkspaceSettings:
        """All of them anew: one that is left out takes its default."""
        return await self._ask("PUT", "/settings", views.WorkspaceSettings, settings)

    async def preferences(self, after: Position = None) -> views.Preferences:
        return await self._get("/preferences", views.Preferences, {"after": after})

    async def set_preferences(self, preferences: commands.ChangePreferences) -> views.Preferences:
        """All of them anew: one that is left out takes its default."""
        return await self._ask("PUT", "/preferences", views.Preferences, preferences)

    # --- secrets ---

    async def secrets(self, after: Position = None) -> Rows[views.Secret]:
        """By name. No method gives a value: nothing does."""
        return await self._all("/secrets", views.Secret, {"after": after})

    async def secret(self, name: str, after: Position = None) -> views.Secret:
        return await self._get(path("secrets", name), views.Secret, {"after": after})

    async def store_secret(self, name: str, value: str) -> views.Secret:
        """A new version of it, which is used from now on."""
        return await self._ask("PUT", path("secrets", name), views.Secret, {"value": value})

    async def delete_secret(self, name: str) -> int:
        """All versions of it; the position that says so."""
        return await self._write("DELETE", path("secrets", name))

    async def rotate_secrets(self, key: str | None = None) -> views.SecretsRotated:
        """Replace the key that encrypts the workspace's secrets; values and versions stay."""
        return await self._ask("POST", "/secrets/rotate", views.SecretsRotated, {}, key)

    # --- the queue and the log ---

    async def queue(self, after: Position = None) -> views.QueueView:
        return await self._get("/queue", views.QueueView, {"after": after})

    async def requeue(self, task_id: str) -> views.Accepted:
        """Put a dead letter back into the queue."""
        return await self._ask("POST", path("queue", "dead-letters", task_id, "requeue"), views.Accepted, {})

    def events(
        self,
        after: int = 0,
        limit: int | None = None,
        stream: str | None = None,
        topic: str | Sequence[str] | None = None,
        correlation: str | None = None,
        actor: str | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
    ) -> AsyncPages[views.EventView]:
        """The log itself, from the first event above `after` on, up to its present end; those that fit every filter.
        `since` and `until` are instants, and what was recorded at them counts."""
        query: dict[str, Any] = {"stream": stream, "topic": topic, "correlation": correlation, "actor": actor}
        query |= {"since": moment(since), "until": moment(until)}
        return self._items("/events", views.EventView, {"after": after, **query}, limit, cursor="after")

    async def event(self, position: int) -> views.EventView:
        return await self._get(f"/events/{position}", views.EventView, {})

    async def chain(self, position: int) -> views.Chain:
        """Why an event happened: from it back to the request that led to it."""
        return await self._get(f"/events/{position}/chain", views.Chain, {})

    def audit(
        self,
        limit: int | None = None,
        actor: str | None = None,
        action: str | None = None,
        resource: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        text: str | None = None,
        after: Position = None,
        result: str | None = None,
        first: int | None = None,
        last: int | None = None,
    ) -> AsyncPages[views.AuditEntry]:
        """Who did what to what, when, and how it came out; the newest first. `first`, `last`: positions; `actor`,
        `action` and `resource` with a `*` behind them: what begins like that."""
        between = {"since": moment(since), "until": moment(until), "first": first, "last": last}
        named = {"actor": actor, "action": action, "resource": resource, "result": result, "text": text}
        return self._items("/audit", views.AuditEntry, {**named, "after": after, **between}, limit)

    async def export_audit(self, wanted: views.AuditFilter | None = None, format: str = "jsonl") -> str:
        """The audit trail, the oldest entry first, as `jsonl` or `csv`."""
        return await self._text("/audit/export", query=_filters(wanted, format))

    def people_audit(
        self, wanted: views.AuditFilter | None = None, limit: int | None = None, after: Position = None
    ) -> AsyncPages[views.AuditEntry]:
        """For administrators: who signed in or tried to, who belongs where, who was refused; the newest first."""
        query = {**_filters(wanted), "after": after}
        return self._items("/people/audit", views.AuditEntry, query, limit)

    async def export_people_audit(self, wanted: views.AuditFilter | None = None, format: str = "jsonl") -> str:
        """As `export_audit`, of the log of people."""
        return await self._text("/people/audit/export", query=_filters(wanted, format))

    # --- policies ---

    async def policies(self, after: Position = None) -> views.Policies:
        """Those that hold everywhere, and the workspace's own beside them."""
        return await self._get("/policies", views.Policies, {"after": after})

    async def set_policies(self, text: str) -> views.Policies:
        """All of the workspace's own anew, in Cedar; a text with a mistake is refused as a whole."""
        return await self._ask("PUT", "/policies", views.Policies, commands.SetPolicies(text=text))

    def live(self, after: Position = None, reconnect: bool = True) -> AsyncLive:
        """Changed rows as they change, to be iterated over. `after`: first what changed since then."""
        # Only who follows needs websockets.
        from vapora.sdk.async_live import AsyncLive

        url = self.url.replace("http", "ws", 1) + f"{PREFIX}/live"
        return AsyncLive(url, dict(self._headers), self._access_token, after, self._timeout, reconnect, self._tls)

    @overload
    def follow(self, *, after: Position = None, reconnect: bool = True) -> AsyncIterator[views.Change]: ...
    @overload
    def follow(
        self, *wanted: type[Changed], after: Position = None, reconnect: bool = True
    ) -> AsyncIterator[Changed]: ...
    def follow(self, *wanted: type[Any], after: Position = None, reconnect: bool = True) -> AsyncIterator[Any]:
        """Changes as they happen, one by one and without end, each of its type: `follow(views.TaskChange)` gives those
        of cards alone, `follow(views.TaskChange, views.StepChange)` those of both. `after`: first what changed since
        that position; None: from now on. A lost connection is taken up again where it broke off. Closing the iterator
        ends it, and so does closing the client."""
        return self._followed(wanted, after, reconnect)

    async def _followed(self, wanted: tuple[type[Any], ...], after: Position, reconnect: bool) -> AsyncIterator[Any]:
        async with self.live(after, reconnect) as frames:
            async for frame in frames:
                for change in frame.rows:
                    if not wanted or isinstance(change, wanted):
                        yield change


def _filters(wanted: views.AuditFilter | None, format: str | None = None) -> dict[str, Any]:
    said = {} if wanted is None else wanted.model_dump(mode="json", exclude_none=True)
    return said if format is None else {**said, "format": format}
