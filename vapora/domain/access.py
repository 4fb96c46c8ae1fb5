"""Who may do what: the table of actions, and what is asked about one of them.

Each operation of the API and each tool of an agent is an action, in one group; a policy (`vapora/access/policies`) says
who may do what is in a group. What an operation does only sometimes has an action of its own beside it, as
`edit_project:commands`. `docs/permissions.md` is made of this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from events.ids import MemberRole
from vapora.domain.people import Directory
from vapora.domain.people.standing import role_of

# Where an action takes place: in a workspace, by people and programs or by agents; or in the installation as a whole.
Level = Literal["workspace", "installation", "agents"]


@dataclass(frozen=True, slots=True)
class Group:
    """Actions that are allowed and refused together."""

    name: str
    level: Level
    about: str
    actions: tuple[str, ...]


def _group(name: str, level: Level, about: str, actions: str) -> Group:
    return Group(name, level, about, tuple(actions.split()))


GROUPS: tuple[Group, ...] = (
    _group(
        "look",
        "workspace",
        "See what is in the workspace",
        """
        list_projects get_project get_dashboard get_flow get_repository get_project_file list_tasks get_task
        get_task_why list_task_runs get_changes get_file list_attempts list_comments list_attachments get_attachment
        get_board get_run get_brief list_artifacts get_artifact list_steps get_content list_agents get_agent
        get_learning list_budgets get_role_budget get_task_budget get_budget get_costs list_events get_event get_chain
        get_queue get_settings get_preferences list_ids get_status get_position follow_live get_policies get_workspace
        list_members list_teams list_workflows get_workflow check_workflow list_workflow_runs get_workflow_run
        list_approvals get_approval list_links list_marketplace get_package
        list_schedules get_schedule list_firings list_plans get_plan
        list_documents get_document list_document_versions get_document_difference list_duplicates get_documentation
        list_executions get_execution get_curves get_knowledge_graph list_relations get_knowledge_profile
        get_knowledge_effect
        search list_tool_servers get_tool_server list_served_tools
        """,
    ),
    _group("prefer", "workspace", "Set one's own preferences", "set_preferences"),
    _group(
        "plan",
        "workspace",
        "Make projects and workflows, name and describe them, pause projects, have work documented",
        """
        create_project edit_project pause_project resume_project create_workflow set_workflow remove_workflow
        set_documentation
        """,
    ),
    _group(
        "hand-in",
        "workspace",
        "Hand in tasks, edit them, move them on the board, start workflows, have goals planned, write documents",
        """
        submit_task edit_task move_task archive_task attach_file detach_file start_workflow_run create_plan revise_plan
        dismiss_plan create_document edit_document publish_document archive_document restore_document
        merge_document remove_document draw_documents import_issues link_task
        """,
    ),
    _group(
        "use-tools",
        "workspace",
        "Try tools of servers, and see what else they give",
        "call_tool list_resources read_resource list_prompts get_prompt",
    ),
    _group("accept-plans", "workspace", "Have the cards of a plan made: people, and no program", "accept_plan"),
    _group(
        "discuss",
        "workspace",
        "Comment on tasks, answer an agent's questions, and record causes",
        "comment_task record_relation remove_relation",
    ),
    _group(
        "review",
        "workspace",
        "Approve work, and send it back; decide what workflows ask, and whether a tool may send something out",
        "approve_task request_changes decide_approval decide_tool_call",
    ),
    _group("land", "workspace", "Land approved work", "merge_task push_task resolve_task"),
    _group(
        "steer",
        "workspace",
        "Steer runs and workflows, and have a task tried again",
        """
        cancel_run pause_run resume_run start_attempt pick_attempt requeue_dead_letter cancel_workflow_run
        pause_workflow_run resume_workflow_run retry_stage skip_stage
        """,
    ),
    _group(
        "run-commands",
        "workspace",
        "Say which commands are run, where and with which files, and which servers of tools; archive projects",
        """
        create_project:commands edit_project:commands install_package:commands upgrade_package:commands
        configure_package:commands accept_project_file archive_project set_tool_server remove_tool_server
        """,
    ),
    _group("agents", "workspace", "Manage agents", "register_agent replace_agent edit_agent drain_agent remove_agent"),
    _group(
        "budgets",
        "workspace",
        "Limit what is spent",
        "set_role_budget edit_role_budget set_task_budget edit_task_budget set_budget edit_budget",
    ),
    _group("pause", "workspace", "Pause the whole workspace", "pause_workspace resume_workspace"),
    _group(
        "configure",
        "workspace",
        "Change the workspace's settings, its members, teams and programs",
        """
        set_settings add_member change_member remove_member list_invitations invite withdraw_invitation create_team
        edit_team remove_team list_tokens issue_token revoke_token
        """,
    ),
    _group(
        "install",
        "workspace",
        "Install, configure, upgrade and remove packages of the marketplace",
        "install_package configure_package upgrade_package remove_package refresh_marketplace",
    ),
    _group(
        "schedule",
        "workspace",
        "Have work begun by the clock",
        "set_schedule edit_schedule remove_schedule fire_schedule",
    ),
    _group(
        "connect",
        "workspace",
        "Have other programs told by webhooks, and people by channels; connect trackers",
        """
        list_webhooks create_webhook get_webhook set_webhook remove_webhook test_webhook list_deliveries
        list_channels get_channel set_channel remove_channel test_channel list_channel_deliveries resend_deliveries
        list_trackers get_tracker set_tracker remove_tracker get_tracker_status check_tracker
        """,
    ),
    _group(
        "secrets",
        "workspace",
        "Keep secrets",
        "list_secrets get_secret store_secret delete_secret rotate_secrets",
    ),
    _group("audit", "workspace", "Search and export the audit trail", "list_audit export_audit"),
    _group(
        "govern",
        "workspace",
        "Set the workspace's own policies; rename, archive and delete it",
        "set_policies edit_workspace delete_workspace",
    ),
    _group(
        "belong",
        "installation",
        "What is the same for everybody who is signed in",
        """
        get_me change_password list_workspaces list_roles get_role list_task_types get_metrics get_openapi get_docs
        use_mcp
        """,
    ),
    _group(
        "enter",
        "installation",
        "What needs no signing in",
        """
        get_health get_liveness get_sign_in_status set_up log_in refresh_session log_out accept_invitation redeem_code
        start_openid finish_openid redeem_sign_in take_tracker_webhook
        """,
    ),
    _group(
        "administer",
        "installation",
        "Look after people and workspaces of the installation",
        """
        list_users edit_user erase_user reset_password rotate_signing_key list_people_audit export_people_audit
        create_workspace
        """,
    ),
    _group(
        "inspect",
        "agents",
        "Read files and history",
        "tool:file_read tool:file_list tool:code_search tool:git_status tool:git_diff tool:git_log",
    ),
    _group(
        "analyse",
        "agents",
        "Analyse code",
        "tool:code.symbols tool:code.references tool:code.outline tool:code.complexity tool:code.structural_search",
    ),
    _group("hand-over", "agents", "Ask a person, hand in work", "tool:ask tool:finish"),
    _group("write", "agents", "Change files", "tool:file_write tool:file_edit"),
    _group("run", "agents", "Run commands in the sandbox", "tool:run_command"),
    _group("serve", "agents", "Use tools of servers", "tool:server"),
    _group("judge", "agents", "Hand in a review of somebody else's work", "tool:submit_review"),
)
# Every tool of every server: which one it is stands in the context.
SERVED = "tool:server"
ACTIONS: dict[str, Group] = {action: group for group in GROUPS for action in group.actions}
# Decided by the policies that ship, alone: a workspace's own must not lock out who could mend them.
UNTOUCHABLE = frozenset({"get_policies", "set_policies"})
# Writes that an archived workspace takes all the same: it is restored or deleted, and access to it is taken away.
WHILE_ARCHIVED = frozenset(
    {"edit_workspace", "delete_workspace", "remove_member", "withdraw_invitation", "revoke_token"}
)

PrincipalKind = Literal["User", "Token", "Agent", "Operator", "Local", "Visitor"]
ResourceKind = Literal[
    "Installation", "Workspace", "Project", "Task", "Run", "Agent", "Workflow", "WorkflowRun", "Stage"
]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, with all that policies may know. `role`: in the workspace that the question is about; None: no member
    of it. `agent_role`: of an agent."""

    kind: PrincipalKind
    id: str
    role: MemberRole | None = None
    teams: tuple[str, ...] = ()
    administrator: bool = False
    agent_role: str = ""


@dataclass(frozen=True, slots=True)
class Resource:
    """What the question is about. `workspace`: where it is; empty for the installation. `project` and `state` of a
    task, where they are known: only a workspace's own policies ask for them. So for `workflow`, of a run of one and of
    its stages, and for `stage`, the name of one."""

    kind: ResourceKind
    id: str
    workspace: str = ""
    project: str = ""
    state: str = ""
    workflow: str = ""
    stage: str = ""

    @property
    def name(self) -> str:
        """As the audit trail names it: `task/task-1`."""
        return f"{self.kind.lower()}/{self.id}"


INSTALLATION = Resource("Installation", "vapora")


@dataclass(frozen=True, slots=True)
class Served:
    """Which tool of which server. `outward`: it sends something out; `reads_outside`: strangers wrote what it gives."""

    server: str
    tool: str
    outward: bool
    reads_outside: bool


@dataclass(frozen=True, slots=True)
class Question:
    """Whether the principal may do that there. Of tools: `path`, the file that is written; `own_work`, whether it is
    the agent's own work that is reviewed; `served`, where it is a tool of a server."""

    principal: Principal
    action: str
    resource: Resource
    path: str = ""
    own_work: bool = False
    served: Served | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """`policies`: those that decided, by their `@id`; empty where none applies. `reason`: for who was refused."""

    allowed: bool
    policies: tuple[str, ...] = ()
    reason: str = ""


def workspace_resource(workspace_id: str) -> Resource:
    return Resource("Workspace", workspace_id, workspace_id)


_SOVEREIGN: dict[str, PrincipalKind] = {"operator": "Operator", "user:local": "Local"}


def owns_installation(principal: Principal) -> bool:
    """Whether it may be everywhere, member or not."""
    return principal.kind in ("Operator", "Local")


def principal(directory: Directory, actor: str, workspace_id: str, at: datetime) -> Principal:
    """What the directory knows of who asks. `actor`: as the log names who does something; empty for nobody known.
    `workspace_id`: what is asked about; empty for the installation."""
    if not actor:
        return Principal("Visitor", "visitor")
    role = role_of(directory, actor, workspace_id, at) if workspace_id else None
    if actor in _SOVEREIGN:
        return Principal(_SOVEREIGN[actor], actor, role)
    kind, _, name = actor.partition(":")
    teams = _teams(directory, actor, workspace_id) if role is not None else ()
    if kind == "token":
        return Principal("Token", name, role, teams)
    user = directory.users.get(name)
    administrator = user is not None and user.may_sign_in and user.administrator
    return Principal("User", name, role, teams, administrator)


def _teams(directory: Directory, actor: str, workspace_id: str) -> tuple[str, ...]:
    kind, _, name = actor.partition(":")
    workspace = directory.workspace(workspace_id)
    teams = () if workspace is None else workspace.teams.values()
    if kind == "token":
        token = directory.tokens.get(name)
        said = {scope.partition(":")[2] for scope in (token.scopes if token else ()) if scope.startswith("team:")}
        return tuple(one.id for one in teams if one.id in said)
    return tuple(one.id for one in teams if name in one.members)
