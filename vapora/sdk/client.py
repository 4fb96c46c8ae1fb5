"""Made from async_client.py by `python -m tests.sdk.make`: change that file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, overload

from events.ids import Scope, TaskState
from vapora import commands, views
from vapora.sdk.channels import Channels
from vapora.sdk.documents import Documents
from vapora.sdk.frames import Rows
from vapora.sdk.handles import Projects, Tasks
from vapora.sdk.knowledge import Knowledge
from vapora.sdk.packages import Packages
from vapora.sdk.pages import Pages
from vapora.sdk.paths import PREFIX, Moment, Position, budget_path, moment, path
from vapora.sdk.people import People
from vapora.sdk.plans import Plans
from vapora.sdk.problems import problem
from vapora.sdk.schedules import Schedules
from vapora.sdk.search import Search
from vapora.sdk.shapes import Board, Budgets, Costs, Dashboard, Learning, Why
from vapora.sdk.tool_servers import ToolServers
from vapora.sdk.trackers import Trackers
from vapora.sdk.waiting import SETTLED, State
from vapora.sdk.webhooks import Webhooks
from vapora.sdk.work import Work
from vapora.sdk.workflows import Workflows
from vapora.sdk.workspaces import Workspaces

if TYPE_CHECKING:
    from vapora.sdk.live import Live

# One of `views.Change`.
Changed = TypeVar("Changed", bound=views.View)


class Client(
    Work,
    Workflows,
    Packages,
    Plans,
    Knowledge,
    Search,
    Channels,
    Trackers,
    Schedules,
    Documents,
    Webhooks,
    ToolServers,
    People,
):
    """Speaks to one server, for one workspace. Refusals are raised as `ApiError`, silence as `NoServerError`.

    One method for each operation of the HTTP interface; `projects` and `tasks` also lead to single ones:
    `client.projects["Shortleaf"].tasks.submit("Write a parser")`.

    `workspaces` leads to the others: `client.workspaces["acme"].client()` works there.

    `after=` on a read waits, bounded, until the read models have passed that position: read your own write.
    Fields that a newer server sends in addition are left out, so an older client keeps working.
    """

    def health(self) -> views.Health:
        """Also of a server that is not ready yet; `status` and `reason` tell."""
        answer = self._send("GET", "/health", prefix="")
        if answer.status_code not in (200, 503):
            raise problem(answer.status_code, answer.content)
        try:
            return views.Health.model_validate_json(answer.content, extra="ignore")
        except ValueError as error:
            raise problem(answer.status_code, answer.content) from error

    def liveness(self) -> views.Liveness:
        """That the server answers, whatever else is the matter."""
        return self._parse(self._send("GET", "/healthz", prefix=""), views.Liveness)

    def metrics(self) -> str:
        """Prometheus text."""
        return self._text("/metrics", prefix="")

    def status(self, after: Position = None) -> views.Status:
        """How far each read model is, and which have stopped."""
        return self._get("/status", views.Status, {"after": after})

    def progress(self, after: Position = None) -> views.Progress:
        """Where the read models and the log are; cheaper than anything that answers with rows."""
        return self._get("/position", views.Progress, {"after": after})

    def position(self) -> int:
        """How far the read models have come."""
        return (self.progress()).position

    def ids(self, prefix: str, kind: views.IdKind | None = None, after: Position = None) -> Rows[views.Named]:
        """What a short id stands for: everything whose id begins so, at most 20 of a kind."""
        page = self._get("/ids", views.Page[views.Named], {"prefix": prefix, "kind": kind, "after": after})
        return Rows(page.items)

    def redeem_code(self, code: str) -> str:
        """The operator's token, for the code that `vapora up --open` gave to a browser. It can be had once."""
        answer = self._ask("POST", "/operator/redeem", views.OperatorToken, commands.RedeemCode(code=code))
        return answer.token

    # --- workspaces ---

    @property
    def workspaces(self) -> Workspaces:
        """`client.workspaces()` lists them, `client.workspaces["id"]` is one of them."""
        return Workspaces(self)

    def in_workspace(self, workspace_id: str) -> Client:
        """Another client for the same server, of the same person, in another workspace."""
        return Client(
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
    def projects(self) -> Projects:
        """`client.projects()` lists them, `client.projects["name or id"]` is one of them."""
        return Projects(self)

    def project(self, name_or_id: str, after: Position = None) -> views.Project:
        """By its id, else by its name. Raises `NotFoundError` where there is none, archived ones are found by their
        id only, and `AmbiguousError` where several have the name."""
        return self.projects.find(name_or_id, after)

    def get_project(self, project_id: str, after: Position = None) -> views.Project:
        """By its id, archived ones too."""
        return self._get(path("projects", project_id), views.Project, {"after": after})

    def dashboard(self, project_id: str, days: int = 30, after: Position = None) -> Dashboard:
        """How the work of a project flows, over the last days up to today (UTC)."""
        query = {"days": days, "after": after}
        return self._get(path("projects", project_id, "dashboard"), Dashboard, query)

    def flow(self, days: int = 30, after: Position = None) -> Dashboard:
        """The same over all projects together."""
        return self._get("/flow", Dashboard, {"days": days, "after": after})

    def list_projects(self, archived: bool = False, after: Position = None) -> Rows[views.Project]:
        """In the order in which they were made; archived ones only if asked for."""
        asked = {"archived": True if archived else None, "after": after}
        return self._all("/projects", views.Project, asked)

    def create_project(
        self, project: commands.CreateProject | Mapping[str, Any] | str, key: str | None = None
    ) -> views.ProjectMade:
        """`project`: all of it, or its name alone. `same_name` of the answer names other projects of this name: it is
        not refused."""
        asked = {"name": project} if isinstance(project, str) else project
        return self._ask("POST", "/projects", views.ProjectMade, asked, key)

    def edit_project(self, project_id: str, change: commands.EditProject) -> views.Project:
        """Only the fields that `change` was given are sent: one that is None is emptied, one left out stays."""
        return self._ask("PATCH", path("projects", project_id), views.Project, change)

    def archive_project(self, project_id: str) -> int:
        return self._write("DELETE", path("projects", project_id))

    # --- tasks ---

    @property
    def tasks(self) -> Tasks:
        """`client.tasks()` lists them, newest first; `client.tasks["id"]` is one of them."""
        return Tasks(self)

    def submit_task(self, task: commands.SubmitTask | Mapping[str, Any], key: str | None = None) -> views.TaskAccepted:
        """`key`: an Idempotency-Key; sent again under the same one, the task is handed in once."""
        return self._ask("POST", "/tasks", views.TaskAccepted, task, key)

    def task(self, task_id: str, after: Position = None) -> views.TaskCard:
        return self._get(path("tasks", task_id), views.TaskCard, {"after": after})

    def list_tasks(
        self,
        project_id: str | None = None,
        state: State | None = None,
        role: str | None = None,
        after: Position = None,
        limit: int | None = None,
        label: str | None = None,
        sort: str | None = None,
    ) -> Pages[views.BoardCard]:
        """Newest first if no other order is asked for, page by page as they are taken. Only `task` has description and
        context. `sort`: created, updated or priority; with - in front the other way round."""
        query = {"project_id": project_id, "state": state, "role": role, "after": after, "label": label, "sort": sort}
        return self._items("/tasks", views.BoardCard, query, limit)

    def edit_task(self, task_id: str, change: commands.EditTask) -> int:
        """The position. Only the fields that `change` was given are sent: `EditTask(deadline=None)` takes the deadline
        away, `EditTask(priority=9)` leaves it as it is."""
        return self._write("PATCH", path("tasks", task_id), change)

    def move(self, task_id: str, state: State, before: str | None = None, comment: str = "") -> int:
        """The position that holds the move."""
        return self._write(
            "POST",
            path("tasks", task_id, "move"),
            commands.MoveTask(state=TaskState(state), before=before, comment=comment),
        )

    def archive_task(self, task_id: str) -> int:
        return self._write("DELETE", path("tasks", task_id))

    def wait(
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
        return self.tasks[task_id].wait(timeout, until, after, progress)

    def why(self, task_id: str, after: Position = None) -> Why:
        return self._get(path("tasks", task_id, "why"), Why, {"after": after})

    def runs(self, task_id: str, after: Position = None) -> Rows[views.Execution]:
        """All runs of a task, the first one first."""
        page = self._get(path("tasks", task_id, "runs"), views.Page[views.Execution], {"after": after})
        return Rows(page.items)

    def output(self, task_id: str, run_id: str | None = None) -> views.Artifact:
        """The work product with its whole text: of this run, or of the last one that left one. Raises `NotFoundError`
        where there is none yet, with what the runs came to."""
        return self.tasks[task_id].output(run_id)

    def run(self, run_id: str, after: Position = None) -> views.Execution:
        return self._get(path("runs", run_id), views.Execution, {"after": after})

    def artifacts(self, run_id: str, after: Position = None) -> Rows[views.Artifact]:
        """What a run left; large ones without their text, which `artifact` reads."""
        page = self._get(path("runs", run_id, "artifacts"), views.Page[views.Artifact], {"after": after})
        return Rows(page.items)

    def artifact(self, run_id: str, name: str) -> str:
        """The whole text, however large."""
        return self._text(path("runs", run_id, "artifacts", name))

    def board(
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
        return self._get("/board", Board, query)

    def column_cards(
        self, column: TaskState, project_id: str | None = None, at: Moment = None, after: Position = None
    ) -> Pages[views.BoardCard]:
        """All cards of a column in their order, page by page as they are taken. With `at`, all pages are of one moment;
        without, a card that is moved meanwhile may come twice or not at all."""
        return Pages(self._column(column, project_id, at, after))

    def _column(
        self, column: TaskState, project_id: str | None, at: Moment, after: Position
    ) -> Iterator[views.BoardCard]:
        cursor: str | None = None
        while True:
            page = self.board(project_id, at, after, column, cursor)
            yield from page.columns[column]
            cursor = page.next[column]
            if cursor is None:
                return

    # --- agents and the catalogue ---

    def agents(self, after: Position = None, at: Moment = None) -> Rows[views.Agent]:
        return self._all("/agents", views.Agent, {"after": after, "at": moment(at)})

    def agent(self, agent_id: str, after: Position = None) -> views.Agent:
        return self._get(path("agents", agent_id), views.Agent, {"after": after})

    def register_agent(self, agent: commands.RegisterAgent, key: str | None = None) -> views.Agent:
        return self._ask("POST", "/agents", views.Agent, agent, key)

    def replace_agent(self, agent_id: str, agent: commands.ReplaceAgent) -> views.Agent:
        """What is left out becomes what its role's manifest says."""
        return self._ask("PUT", path("agents", agent_id), views.Agent, agent)

    def edit_agent(self, agent_id: str, change: commands.EditAgent) -> int:
        return self._write("PATCH", path("agents", agent_id), change)

    def drain_agent(self, agent_id: str, drain: commands.DrainAgent | None = None, key: str | None = None) -> int:
        """It ends what it has and gets nothing new. With a limit, others take over what is left by then."""
        wish = drain or commands.DrainAgent()
        return (self._ask("POST", path("agents", agent_id, "drain"), views.Accepted, wish, key)).position

    def remove_agent(self, agent_id: str) -> int:
        return self._write("DELETE", path("agents", agent_id))

    def learning(self, agent_id: str, after: Position = None) -> Learning:
        return self._get(path("agents", agent_id, "learning"), Learning, {"after": after})

    def roles(self) -> Rows[views.Role]:
        return Rows((self._get("/roles", views.Page[views.Role], {})).items)

    def role(self, role_id: str) -> views.Role:
        return self._get(path("roles", role_id), views.Role, {})

    def task_types(self) -> Rows[views.TaskType]:
        """What `task_type` of a task may be."""
        return Rows((self._get("/task-types", views.Page[views.TaskType], {})).items)

    # --- money ---

    def budgets(self, after: Position = None, at: Moment = None) -> Budgets:
        return Budgets(self._all("/budgets", views.BudgetView, {"after": after, "at": moment(at)}))

    def budget(self, scope: Scope | str, scope_id: str, after: Position = None) -> views.BudgetView:
        return self._get(budget_path(scope, scope_id), views.BudgetView, {"after": after})

    def set_budget(self, scope: Scope | str, scope_id: str, limits: commands.SetBudget | commands.SetTaskBudget) -> int:
        """All limits anew: one that is left out is taken away. The position that holds them."""
        return self._write("PUT", budget_path(scope, scope_id), limits)

    def edit_budget(
        self, scope: Scope | str, scope_id: str, change: commands.EditBudget | commands.EditTaskBudget
    ) -> views.BudgetEdited:
        """What is left out stays as it is, whoever else changes it at the same time."""
        return self._ask("PATCH", budget_path(scope, scope_id), views.BudgetEdited, change)

    def costs(
        self, group_by: Sequence[str] = ("provider",), project_id: str | None = None, after: Position = None
    ) -> Costs:
        query = {"group_by": ",".join(group_by), "project_id": project_id, "after": after}
        return Costs(self._all("/costs", views.Cost, query))

    # --- settings ---

    def settings(self, after: Position = None) -> views.WorkspaceSettings:
        return self._get("/settings", views.WorkspaceSettings, {"after": after})

    def set_settings(self, settings: commands.ChangeSettings) -> views.WorkspaceSettings:
        """All of them anew: one that is left out takes its default."""
        return self._ask("PUT", "/settings", views.WorkspaceSettings, settings)

    def preferences(self, after: Position = None) -> views.Preferences:
        return self._get("/preferences", views.Preferences, {"after": after})

    def set_preferences(self, preferences: commands.ChangePreferences) -> views.Preferences:
        """All of them anew: one that is left out takes its default."""
        return self._ask("PUT", "/preferences", views.Preferences, preferences)

    # --- secrets ---

    def secrets(self, after: Position = None) -> Rows[views.Secret]:
        """By name. No method gives a value: nothing does."""
        return self._all("/secrets", views.Secret, {"after": after})

    def secret(self, name: str, after: Position = None) -> views.Secret:
        return self._get(path("secrets", name), views.Secret, {"after": after})

    def store_secret(self, name: str, value: str) -> views.Secret:
        """A new version of it, which is used from now on."""
        return self._ask("PUT", path("secrets", name), views.Secret, {"value": value})

    def delete_secret(self, name: str) -> int:
        """All versions of it; the position that says so."""
        return self._write("DELETE", path("secrets", name))

    def rotate_secrets(self, key: str | None = None) -> views.SecretsRotated:
        """Replace the key that encrypts the workspace's secrets; values and versions stay."""
        return self._ask("POST", "/secrets/rotate", views.SecretsRotated, {}, key)

    # --- the queue and the log ---

    def queue(self, after: Position = None) -> views.QueueView:
        return self._get("/queue", views.QueueView, {"after": after})

    def requeue(self, task_id: str) -> views.Accepted:
        """Put a dead letter back into the queue."""
        return self._ask("POST", path("queue", "dead-letters", task_id, "requeue"), views.Accepted, {})

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
    ) -> Pages[views.EventView]:
        """The log itself, from the first event above `after` on, up to its present end; those that fit every filter.
        `since` and `until` are instants, and what was recorded at them counts."""
        query: dict[str, Any] = {"stream": stream, "topic": topic, "correlation": correlation, "actor": actor}
        query |= {"since": moment(since), "until": moment(until)}
        return self._items("/events", views.EventView, {"after": after, **query}, limit, cursor="after")

    def event(self, position: int) -> views.EventView:
        return self._get(f"/events/{position}", views.EventView, {})

    def chain(self, position: int) -> views.Chain:
        """Why an event happened: from it back to the request that led to it."""
        return self._get(f"/events/{position}/chain", views.Chain, {})

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
    ) -> Pages[views.AuditEntry]:
        """Who did what to what, when, and how it came out; the newest first. `first`, `last`: positions; `actor`,
        `action` and `resource` with a `*` behind them: what begins like that."""
        between = {"since": moment(since), "until": moment(until), "first": first, "last": last}
        named = {"actor": actor, "action": action, "resource": resource, "result": result, "text": text}
        return self._items("/audit", views.AuditEntry, {**named, "after": after, **between}, limit)

    def export_audit(self, wanted: views.AuditFilter | None = None, format: str = "jsonl") -> str:
        """The audit trail, the oldest entry first, as `jsonl` or `csv`."""
        return self._text("/audit/export", query=_filters(wanted, format))

    def people_audit(
        self, wanted: views.AuditFilter | None = None, limit: int | None = None, after: Position = None
    ) -> Pages[views.AuditEntry]:
        """For administrators: who signed in or tried to, who belongs where, who was refused; the newest first."""
        query = {**_filters(wanted), "after": after}
        return self._items("/people/audit", views.AuditEntry, query, limit)

    def export_people_audit(self, wanted: views.AuditFilter | None = None, format: str = "jsonl") -> str:
        """As `export_audit`, of the log of people."""
        return self._text("/people/audit/export", query=_filters(wanted, format))

    # --- policies ---

    def policies(self, after: Position = None) -> views.Policies:
        """Those that hold everywhere, and the workspace's own beside them."""
        return self._get("/policies", views.Policies, {"after": after})

    def set_policies(self, text: str) -> views.Policies:
        """All of the workspace's own anew, in Cedar; a text with a mistake is refused as a whole."""
        return self._ask("PUT", "/policies", views.Policies, commands.SetPolicies(text=text))

    def live(self, after: Position = None, reconnect: bool = True) -> Live:
        """Changed rows as they change, to be iterated over. `after`: first what changed since then."""
        # Only who follows needs websockets.
        from vapora.sdk.live import Live

        url = self.url.replace("http", "ws", 1) + f"{PREFIX}/live"
        return Live(url, dict(self._headers), self._access_token, after, self._timeout, reconnect, self._tls)

    @overload
    def follow(self, *, after: Position = None, reconnect: bool = True) -> Iterator[views.Change]: ...
    @overload
    def follow(self, *wanted: type[Changed], after: Position = None, reconnect: bool = True) -> Iterator[Changed]: ...
    def follow(self, *wanted: type[Any], after: Position = None, reconnect: bool = True) -> Iterator[Any]:
        """Changes as they happen, one by one and without end, each of its type: `follow(views.TaskChange)` gives those
        of cards alone, `follow(views.TaskChange, views.StepChange)` those of both. `after`: first what changed since
        that position; None: from now on. A lost connection is taken up again where it broke off. Closing the iterator
        ends it, and so does closing the client."""
        return self._followed(wanted, after, reconnect)

    def _followed(self, wanted: tuple[type[Any], ...], after: Position, reconnect: bool) -> Iterator[Any]:
        with self.live(after, reconnect) as frames:
            for frame in frames:
                for change in frame.rows:
                    if not wanted or isinstance(change, wanted):
                        yield change


def _filters(wanted: views.AuditFilter | None, format: str | None = None) -> dict[str, Any]:
    said = {} if wanted is None else wanted.model_dump(mode="json", exclude_none=True)
    return said if format is None else {**said, "format": format}
