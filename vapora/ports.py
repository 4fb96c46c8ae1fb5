"""The protocols by which the rooms speak to actors without naming them.

Every method is a coroutine, since the one who answers may live in another process. Arguments and answers are
plain values that pickle. The composition roots put real ones in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Protocol

from pydantic import JsonValue

from events.channel import ChannelSet
from events.ids import StreamName, request_stream
from events.run import OfferedTool
from events.tracker import TrackerSet
from events.workspace import RequestAccepted
from vapora.commands import (
    AcceptInvitation,
    ChangePassword,
    Command,
    EditBudget,
    EditTaskBudget,
    Invite,
    IssueToken,
    LogIn,
    LogOut,
    MergeTask,
    RefreshSession,
    SetBudget,
    SetTaskBudget,
    SetUp,
)
from vapora.database import Place
from vapora.errors import PreconditionFailedError
from vapora.records import Append, AppendResult, Batch, StoredRecord
from vapora.views import (
    Accepted,
    Changes,
    ChannelDelivery,
    ChannelOutcome,
    DeadLetterView,
    DeliveryState,
    Examined,
    FileText,
    InvitationMade,
    LimitsChanged,
    Merged,
    Page,
    ProjectFile,
    Pushed,
    QueueView,
    RepositoryView,
    SessionTokens,
    TokenMade,
    ToolServerStatus,
    TrackerOutcome,
    TrackerStatus,
    WebhookDelivery,
    WebhookOutcome,
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asks, in which workspace, at whose request, and because of which event."""

    workspace: str
    actor: str
    correlation: str
    causation: int | None = None


@dataclass(frozen=True, slots=True)
class RequestKey:
    """An Idempotency-Key with what it is tied to: the caller, the route, and the body that came with it."""

    user: str
    route: str
    key: str
    body: bytes

    @property
    def stream(self) -> StreamName:
        return request_stream(sha256("\n".join((self.user, self.route, self.key)).encode()).hexdigest()[:40])

    @property
    def body_digest(self) -> str:
        return sha256(self.body).hexdigest()

    def accepted(self, answer_id: str, answer: Mapping[str, JsonValue] | None = None) -> RequestAccepted:
        """What is appended together with the request's effect. `answer`: what cannot be read again from the thing."""
        return RequestAccepted(
            key_digest=self.stream.partition(":")[2],
            body_digest=self.body_digest,
            answer_id=answer_id,
            answer=dict(answer or {}),
        )


@dataclass(frozen=True, slots=True)
class IfMatch:
    """The versions of a thing that a change of it was made for; `any_version`: it has only to be there."""

    versions: frozenset[str]
    any_version: bool = False

    def require(self, current: str) -> None:
        """`PreconditionFailedError` where it is at another version by now."""
        if not self.any_version and current not in self.versions:
            raise PreconditionFailedError(
                "It has changed since it was read.",
                remedy="Read it again, decide anew, and send the ETag of that answer in If-Match.",
            )


class LogWriterPort(Protocol):
    async def append(self, requests: Sequence[Append]) -> list[AppendResult]:
        """Each request takes effect alone or not at all; the answers stand in the order of the requests."""
        ...

    async def read(self, stream: str, after: int = 0, limit: int = 10_000) -> list[StoredRecord]:
        """Events of one stream with version > `after`, as one page: see `vapora.records.is_full`."""
        ...

    async def pick(self, positions: Sequence[int]) -> list[StoredRecord]:
        """The events at these positions, those that there are, as one page."""
        ...

    async def poll(self, after: int, limit: int = 1_000, timeout_s: float = 10, topics: Sequence[str] = ()) -> Batch:
        """Events with position > `after`: at once if there are any, else when one comes or `timeout_s` is over."""
        ...

    async def head(self) -> int: ...

    async def health(self) -> dict[str, Any]:
        """`{"status": "ok" or what it is instead, "reason": text, "clock": what is wrong with it, or empty, …}`."""
        ...


class BudgetPort(Protocol):
    """`key`: a request that came under it before is answered as it was then. `if_match`: of `vapora.domain.limits`;
    `PreconditionFailedError` where others hold by now."""

    async def set_budget(
        self,
        origin: Origin,
        scope: str,
        scope_id: str,
        command: SetBudget | SetTaskBudget,
        key: RequestKey | None = None,
        if_match: IfMatch | None = None,
    ) -> LimitsChanged:
        """Set limits. The position is that of the event that says so (of the last one where nothing changed)."""
        ...

    async def edit_budget(
        self,
        origin: Origin,
        scope: str,
        scope_id: str,
        command: EditBudget | EditTaskBudget,
        key: RequestKey | None = None,
        if_match: IfMatch | None = None,
    ) -> LimitsChanged:
        """Change the limits that the command names, and no other."""
        ...


class ProjectorPort(Protocol):
    async def wait_for(self, position: int, timeout_s: float) -> int:
        """Until the read models have passed `position`, or the time is over: the position they have reached."""
        ...

    async def search_wait_for(self, position: int, timeout_s: float) -> int:
        """As `wait_for`, for the search index."""
        ...

    async def frames(self, after: int, limit: int = 1_000, timeout_s: float = 10) -> list[dict[str, Any]]:
        """Changed rows with position > `after` as frames `{position, rows}`, waiting for the first."""
        ...

    async def status(self) -> dict[str, Any]:
        """`{"position": …, "failed": {projection: "position topic: error"}, "rebuilding": {projection: position}}`."""
        ...

    async def health(self) -> dict[str, Any]:
        """`status` with `"problem"`: why it does not get on, or None."""
        ...


class QueuePort(Protocol):
    async def queue_health(self) -> str:
        """`log`, `nats`, or why NATS does not deliver."""
        ...

    async def disk(self) -> str:
        """Why no run starts on its disk; '': there is room."""
        ...

    async def queue_status(self) -> QueueView:
        """What waits to be taken, and the dead letters."""
        ...

    async def dead_letter(self, task_id: str) -> DeadLetterView:
        """The task's, as the queue has it now; raises `NotFoundError` where there is none, and `UnavailableError` where
        the queue cannot be asked."""
        ...


class RepositoriesPort(Protocol):
    """The repositories of a workspace's projects, for people. Where git is what stands in the way, a `RepositoryError`
    of some kind is raised."""

    async def examine(self, repo: str, base_branch: str | None = None) -> Examined:
        """Whether a path or URL can be a project's repository: asked before a project is made, or given another.

        Raises what stands in the way: `SourceRefusedError`, `NotARepositoryError`, `CredentialsNeededError`,
        `UnknownBranchError`.
        """
        ...

    async def overview(self, project_id: str) -> RepositoryView:
        """Branches and worktrees; or, in `problem`, why there are none. Raises `NotFoundError`."""
        ...

    async def project_file(self, project_id: str) -> ProjectFile:
        """`.vapora/project.toml` of the base branch, fetched anew."""
        ...

    async def changes(self, task_id: str, attempt: int | None = None, run_id: str | None = None) -> Changes:
        """Of the card's branch, of that of another attempt, or of one run."""
        ...

    async def file(self, task_id: str, path: str, ref: str | None = None) -> FileText:
        """A file of the card's branch. `ref`: a commit of that branch; None: its newest."""
        ...

    async def files_at(self, project_id: str, oid: str, paths: Sequence[str]) -> tuple[FileText, ...]:
        """These files as they are in a commit of the base branch; those that it lacks are left out."""
        ...

    async def merge(self, origin: Origin, task_id: str, command: MergeTask, key: RequestKey | None = None) -> Merged:
        """Make the card's work part of the base branch. Raises `NotApprovedError`, `ChecksFailedError`,
        `MergeConflictError`, `TargetDirtyError` and other `RepositoryError`s; the repository is as it was then."""
        ...

    async def push(self, origin: Origin, task_id: str, key: RequestKey | None = None) -> Pushed:
        """Push the card's branch alone. Raises `PushRefusedError` with the remote's words."""
        ...


@dataclass(frozen=True, slots=True)
class Person:
    """What stands beside the log of somebody who was not erased."""

    user_id: str
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class OpenIdStart:
    """`address`: of the provider, to send the browser to. `browser`: what it keeps in a cookie until it comes back."""

    address: str
    browser: str = field(repr=False)


class IdentityPort(Protocol):
    """The owner of the people log. An `Origin` for it names the workspace `events.ids.PEOPLE`."""

    async def set_up(self, origin: Origin, command: SetUp) -> SessionTokens:
        """Make the first owner, by the one-time link. Raises `UnauthenticatedError` for a token that is not, or no
        longer, the link's."""
        ...

    async def log_in(self, origin: Origin, command: LogIn, source: str = "") -> SessionTokens:
        """`source`: where the attempt comes from, as an address of the network. Raises `UnauthenticatedError`, the same
        one and after the same time whatever was wrong, and `ThrottledError` after too many attempts."""
        ...

    async def refresh(self, origin: Origin, command: RefreshSession) -> SessionTokens:
        """A new pair for a refresh token. Raises `UnauthenticatedError`; where the token had been used before, and
        longer ago than 10 s, its session has ended then."""
        ...

    async def log_out(self, origin: Origin, command: LogOut) -> None: ...

    async def openid_start(self, redirect_uri: str, invitation: str = "") -> OpenIdStart:
        """Somebody goes to the provider of OpenID Connect. `invitation`: the token of the link that they opened, or
        empty. Raises `NotFoundError` where there is no provider, and `UnavailableError` where it does not answer."""
        ...

    async def openid_come_back(self, origin: Origin, state: str, browser: str, code: str) -> str:
        """Somebody comes back with the provider's `code`: another code, for `openid_redeem`. Raises
        `UnauthenticatedError` where it is not the browser that went, or the provider or no invitation vouches."""
        ...

    async def openid_redeem(self, code: str) -> SessionTokens:
        """Once, and within a minute. Raises `UnauthenticatedError`."""
        ...

    async def accept(self, origin: Origin, user_id: str | None, command: AcceptInvitation) -> SessionTokens | None:
        """Take an invitation. `user_id`: of who is signed in; else an account is made, and its tokens are answered."""
        ...

    async def change_password(
        self, origin: Origin, user_id: str, session_id: str, command: ChangePassword, source: str = ""
    ) -> Accepted:
        """The session goes on, all others of the person end. Raises as `log_in` does."""
        ...

    async def carry_out(
        self, origin: Origin, command: Command, target: str = "", workspace_id: str = "", key: RequestKey | None = None
    ) -> Accepted:
        """Every other change of people, workspaces, members, teams, tokens and policies. Raises what the rules do."""
        ...

    async def issue_token(
        self, origin: Origin, command: IssueToken, workspace_id: str, key: RequestKey | None = None
    ) -> TokenMade:
        """The token stands in the answer alone: a request that comes again under its key is a `ConflictError`."""
        ...

    async def invite(
        self, origin: Origin, command: Invite, workspace_id: str, key: RequestKey | None = None
    ) -> InvitationMade:
        """As `issue_token`."""
        ...

    async def verifying_keys(self) -> Sequence[Any]:
        """The `vapora.identity.SigningKey`s that access tokens of today may be signed with."""
        ...

    async def rotate_key(self, origin: Origin) -> Accepted:
        """A new key signs from now on. Tokens of the one before are good until they expire."""
        ...

    async def people(self, user_ids: Sequence[str] | None = None) -> list[Person]:
        """Names and addresses; None: of everybody. Who was erased is left out."""
        ...

    async def invited(self, invitation_ids: Sequence[str]) -> dict[str, str]:
        """The addresses that these invitations were made for, by invitation."""
        ...

    async def policies(self, workspace_id: str) -> str:
        """The workspace's own Cedar text, as it is now."""
        ...


class WorkflowEnginePort(Protocol):
    async def file_problems(self) -> dict[str, str]:
        """What is wrong with files that define workflows: by the name of a file of the workspace's folder, or by
        `project:path` of one in a repository."""
        ...


class WebhooksPort(Protocol):
    async def check(self, url: str) -> None:
        """`BadInputError` for an address that messages may not go to."""
        ...

    async def secret(self, webhook_id: str) -> str:
        """That its messages are signed with; made with the first question."""
        ...

    async def test(self, origin: Origin, webhook_id: str, key: RequestKey | None = None) -> WebhookOutcome:
        """Send a sample now. Raises `NotFoundError`."""
        ...

    async def deliveries(
        self, webhook_id: str, state: DeliveryState | None, before: int | None, limit: int
    ) -> Page[WebhookDelivery]:
        """The newest first, of positions below `before`."""
        ...


class ChannelsPort(Protocol):
    """Of the same actor as `WebhooksPort`: there is one outbox."""

    async def check_channel(self, channel: ChannelSet) -> None:
        """`BadInputError` where messages may not go."""
        ...

    async def test_channel(self, origin: Origin, channel_id: str, key: RequestKey | None = None) -> ChannelOutcome:
        """Send a sample now. Raises `NotFoundError`."""
        ...

    async def channel_deliveries(
        self, channel_id: str, state: DeliveryState | None, before: int | None, limit: int
    ) -> Page[ChannelDelivery]:
        """The newest first, of positions below `before`."""
        ...


class TrackersPort(Protocol):
    """Of a workspace. Asking it starts it, so who only reads asks whether there are any first."""

    async def check(self, tracker: TrackerSet) -> None:
        """`BadInputError` for an address that requests may not go to."""
        ...

    async def test(self, tracker_id: str) -> TrackerOutcome:
        """Ask for what it is connected to, now. Raises `NotFoundError`."""
        ...

    async def status(self) -> dict[str, TrackerStatus]:
        """Of those that are switched on, by their ids."""
        ...

    async def deliver(self, tracker_id: str, headers: Mapping[str, str], body: bytes) -> None:
        """A message of a tracker's webhook: noted where to look when this returns. `headers`: by small letters. Raises
        `UnauthenticatedError` for a wrong signature, and `NotFoundError`; then nothing has happened."""
        ...


class RouterStatusPort(Protocol):
    async def providers(self, workspace: str) -> dict[str, str]:
        """Provider → `up`, or `down: <why>` while none of its models is asked; empty where none is configured. As the
        workspace finds them, which may have keys of its own."""
        ...

    async def is_simulated(self, workspace: str) -> bool:
        """Whether the rehearsal model answers the workspace."""
        ...

    async def paused_models(self, workspace: str) -> dict[str, str]:
        """`provider/model` → the kind of its last failure, for single models that are left alone now."""
        ...


@dataclass(frozen=True, slots=True)
class Standing:
    """Of the cells, as the supervisor knows it without waking any: those `awake`, by name; how many are `asleep`, those
    archived that nobody reads among them; what could not be opened, with the reason; and how many another installation
    on the same database has."""

    awake: frozenset[str] = frozenset()
    asleep: int = 0
    archived: int = 0
    closed: Mapping[str, str] = field(default_factory=dict)
    elsewhere: int = 0

    @property
    def known(self) -> int:
        return len(self.awake) + self.asleep + len(self.closed.keys() - self.awake)


@dataclass(frozen=True, slots=True)
class ServedCall:
    """A call of a tool `<server>.<tool>`, and who makes it: see `vapora.tools.servers.Caller`. `call_id`: one for each
    call, by which it is found again."""

    workspace: str
    actor: str
    call_id: str
    name: str
    arguments: Mapping[str, JsonValue]
    project_id: str = ""
    task_id: str = ""
    run_id: str = ""
    agent_id: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class ServedOutcome:
    """What came of it. `ok` false: it did not do what was asked, or nobody knows, and `text` says so."""

    ok: bool
    text: str
    truncated: bool = False
    duration_ms: int = 0
    cost_microusd: int = 0


@dataclass(frozen=True, slots=True)
class ServedTools:
    """What a run is offered: the tools, their descriptions as JSON (see `events.run.ToolsOffered`), and the servers
    that should be there and are not, with the reason."""

    tools: tuple[OfferedTool, ...] = ()
    specs: str = "[]"
    missing: Mapping[str, str] = field(default_factory=dict)


class ToolGatewayPort(Protocol):
    """The servers of tools of all workspaces."""

    async def offered(
        self, workspace: str, role: str, named: tuple[str, ...], project_id: str, *, looks_only: bool = False
    ) -> ServedTools:
        """What an agent of the role gets, which names these tools in its manifest. `looks_only`: nothing that leaves
        anything behind. Quick: what is not there after some seconds is missing."""
        ...

    async def call(self, call: ServedCall) -> ServedOutcome:
        """To its end, which the tool's own limit bounds. The same `call_id` again is the same call. Never raises for
        what the server or the caller did wrong."""
        ...

    async def attach(self, workspace: str, call_id: str) -> ServedOutcome | None:
        """Of a call that is under way, or has just ended; None where nobody knows of it."""
        ...

    async def servers(self, workspace: str) -> tuple[ToolServerStatus, ...]:
        """All that the workspace has, and all that are built in, with their tools as they are now."""
        ...

    async def look(self, workspace: str, server_id: str, what: str, name: str = "", **arguments: str) -> ServedOutcome:
        """`resources`, `resource` (`name`: its URI), `prompts` or `prompt`; lists as JSON. Raises `NotFoundError`,
        `UnavailableError`."""
        ...


class ActorSystemPort(Protocol):
    """The actors of an installation, as the API sees them."""

    async def open(self, workspace: str) -> None:
        """Make sure that the workspace's cell runs, and stays so for a while. Raises `NotFoundError` for one that does
        not exist, or was deleted."""
        ...

    async def standing(self, workspace: str = "") -> tuple[str, Standing]:
        """Whether this workspace is `awake`, `asleep` or, from the one to the other, `waking`, or `unknown`; and all of
        them, in numbers. Wakes nobody."""
        ...

    async def create(self, workspace: str) -> None:
        """Make the cell of a new workspace; nothing where it is there. Raises `BadInputError` for what is no legal id,
        and `ConflictError` for one that was deleted: an id is never given again."""
        ...

    async def archive(self, workspace: str) -> None:
        """Its work stops where it stands, and nothing is written to it any more: `ArchivedError`. It can be read.
        Nothing where it is so already. Raises `NotFoundError`."""
        ...

    async def restore(self, workspace: str) -> None:
        """An archived workspace takes writes again, and its work goes on. Raises `NotFoundError`."""
        ...

    async def delete(self, workspace: str) -> str:
        """Save all that it holds as an export, and remove it; the export's path below the data folder.

        Once begun it comes to its end, also after a crash. Nothing where it was deleted before. Raises
        `NotFoundError`, `ConflictError` for the default workspace, and what the export raises; nothing is removed
        then."""
        ...

    def log(self, workspace: str) -> LogWriterPort: ...

    def budgets(self, workspace: str) -> BudgetPort: ...

    def projector(self, workspace: str) -> ProjectorPort: ...

    def queue(self, workspace: str) -> QueuePort: ...

    def repositories(self, workspace: str) -> RepositoriesPort: ...

    def workflow_engine(self, workspace: str) -> WorkflowEnginePort: ...
    def webhooks(self, workspace: str) -> WebhooksPort: ...
    def channels(self, workspace: str) -> ChannelsPort: ...

    def tools(self) -> ToolGatewayPort: ...

    def built_in_tool_servers(self) -> tuple[str, ...]:
        """Ids of the servers of tools that are a part of VAPORA."""
        ...

    def trackers(self, workspace: str) -> TrackersPort: ...

    def router(self) -> RouterStatusPort: ...

    def identity(self) -> IdentityPort: ...

    def search_index(self, workspace: str) -> Place:
        """Where the search index is, for `vapora.search.SearchReader`."""
        ...

    def read_store(self, workspace: str) -> Place:
        """Where the read models are, for `projections.engine.store.StoreReader`."""
        ...
