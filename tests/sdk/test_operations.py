"""The SDK is complete: every operation of the OpenAPI document has a method, of both clients."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest
from starlette.routing import compile_path

from events.ids import MemberRole, Scope, TaskState
from tests.sdk import make
from vapora import commands
from vapora.sdk import ApiError, AsyncClient, Client

AGENT = commands.ReplaceAgent()
LIMITS = commands.SetBudget()
TRACKER = commands.SetTracker(kind="github", remote="acme/app", project_id="x", secret="tracker-app")
CHANNEL = commands.SetChannel(kind="slack", notices=("*",), secret="channel-slack")
SCHEDULE = commands.SetSchedule(cron="0 9 * * *", workflow_id="release")
TOOL_SERVER = commands.SetToolServer.model_validate({"transport": {"kind": "built-in"}})
WEBHOOK = commands.SetWebhook(url="https://example.com/", topics=("task.*",))
# Each operation with the call of a client that asks for it.
CALLS: dict[str, Callable[[Any], Any]] = {
    "get_health": lambda client: client.health(),
    "get_liveness": lambda client: client.liveness(),
    "get_metrics": lambda client: client.metrics(),
    "get_status": lambda client: client.status(),
    "get_position": lambda client: client.progress(),
    "list_ids": lambda client: client.ids("x"),
    "list_projects": lambda client: client.projects(),
    "create_project": lambda client: client.create_project(commands.CreateProject(name="x")),
    "get_project": lambda client: client.get_project("x"),
    "edit_project": lambda client: client.edit_project("x", commands.EditProject(name="y")),
    "archive_project": lambda client: client.archive_project("x"),
    "get_dashboard": lambda client: client.dashboard("x"),
    "redeem_code": lambda client: client.redeem_code("x"),
    "get_flow": lambda client: client.flow(),
    "submit_task": lambda client: client.submit_task({"project_id": "x", "title": "xyz"}),
    "list_tasks": lambda client: client.tasks(),
    "get_task": lambda client: client.task("x"),
    "edit_task": lambda client: client.edit_task("x", commands.EditTask(title="xyz")),
    "move_task": lambda client: client.move("x", TaskState.DONE),
    "archive_task": lambda client: client.archive_task("x"),
    "get_task_why": lambda client: client.why("x"),
    "list_task_runs": lambda client: client.runs("x"),
    "get_board": lambda client: client.board(),
    "get_run": lambda client: client.run("x"),
    "list_artifacts": lambda client: client.artifacts("x"),
    "get_artifact": lambda client: client.artifact("x", "y.md"),
    "get_repository": lambda client: client.repository("x"),
    "get_project_file": lambda client: client.project_file("x"),
    "accept_project_file": lambda client: client.accept_file("x", "0" * 64),
    "pause_project": lambda client: client.pause_project("x"),
    "resume_project": lambda client: client.resume_project("x"),
    "pause_workspace": lambda client: client.pause(),
    "resume_workspace": lambda client: client.resume(),
    "get_changes": lambda client: client.changes("x"),
    "get_file": lambda client: client.file("x", "a/b.py"),
    "merge_task": lambda client: client.merge("x"),
    "push_task": lambda client: client.push("x"),
    "resolve_task": lambda client: client.resolve("x"),
    "approve_task": lambda client: client.approve("x", "0" * 40),
    "request_changes": lambda client: client.request_changes("x", "0" * 40, "Not so."),
    "list_comments": lambda client: client.comments("x"),
    "comment_task": lambda client: client.comment("x", "Why so?"),
    "attach_file": lambda client: client.attach("x", b"text", "notes.txt"),
    "list_attachments": lambda client: client.attachments("x"),
    "get_attachment": lambda client: client.attachment("x", "notes.txt"),
    "detach_file": lambda client: client.detach("x", "notes.txt"),
    "list_attempts": lambda client: client.attempts("x"),
    "start_attempt": lambda client: client.start_attempt("x", from_step=1),
    "pick_attempt": lambda client: client.pick_attempt("x", 2),
    "list_steps": lambda client: client.steps("x"),
    "get_brief": lambda client: client.brief("x"),
    "get_content": lambda client: client.content("x", "0" * 64),
    "cancel_run": lambda client: client.cancel_run("x"),
    "pause_run": lambda client: client.pause_run("x"),
    "resume_run": lambda client: client.resume_run("x"),
    "list_agents": lambda client: client.agents(),
    "register_agent": lambda client: client.register_agent(commands.RegisterAgent(role="tester")),
    "get_agent": lambda client: client.agent("x"),
    "replace_agent": lambda client: client.replace_agent("x", AGENT),
    "edit_agent": lambda client: client.edit_agent("x", commands.EditAgent(enabled=True)),
    "drain_agent": lambda client: client.drain_agent("x"),
    "remove_agent": lambda client: client.remove_agent("x"),
    "get_learning": lambda client: client.learning("x"),
    "list_roles": lambda client: client.roles(),
    "get_role": lambda client: client.role("x"),
    "list_task_types": lambda client: client.task_types(),
    "list_budgets": lambda client: client.budgets(),
    "get_role_budget": lambda client: client.budget(Scope.ROLE, "x"),
    "set_role_budget": lambda client: client.set_budget(Scope.ROLE, "x", LIMITS),
    "edit_role_budget": lambda client: client.edit_budget(Scope.ROLE, "x", commands.EditBudget(overflow_cents=1)),
    "get_task_budget": lambda client: client.budget(Scope.TASK, "x"),
    "set_task_budget": lambda client: client.set_budget(Scope.TASK, "x", commands.SetTaskBudget()),
    "edit_task_budget": lambda client: client.edit_budget(Scope.TASK, "x", commands.EditTaskBudget(overflow_cents=1)),
    "get_budget": lambda client: client.budget(Scope.AGENT, "x"),
    "set_budget": lambda client: client.set_budget(Scope.AGENT, "x", LIMITS),
    "edit_budget": lambda client: client.edit_budget(Scope.AGENT, "x", commands.EditBudget(overflow_cents=1)),
    "get_costs": lambda client: client.costs(),
    "get_settings": lambda client: client.settings(),
    "set_settings": lambda client: client.set_settings(commands.ChangeSettings()),
    "get_preferences": lambda client: client.preferences(),
    "set_preferences": lambda client: client.set_preferences(commands.ChangePreferences()),
    "list_channels": lambda client: client.channels(),
    "get_channel": lambda client: client.channel("x"),
    "set_channel": lambda client: client.set_channel("x", CHANNEL),
    "remove_channel": lambda client: client.remove_channel("x"),
    "test_channel": lambda client: client.test_channel("x"),
    "list_channel_deliveries": lambda client: client.channel_deliveries("x"),
    "resend_deliveries": lambda client: client.resend_deliveries("x"),
    "list_executions": lambda client: client.executions(),
    "get_execution": lambda client: client.execution("x.1"),
    "get_curves": lambda client: client.curves(),
    "get_knowledge_graph": lambda client: client.knowledge_graph(task="x"),
    "list_relations": lambda client: client.relations(),
    "record_relation": lambda client: client.record_relation(
        commands.RecordRelation(problem="It fails", cause="A locale")
    ),
    "remove_relation": lambda client: client.remove_relation("x"),
    "get_knowledge_profile": lambda client: client.profile_from_history("x"),
    "get_knowledge_effect": lambda client: client.knowledge_effect(),
    "list_trackers": lambda client: client.trackers(),
    "get_tracker": lambda client: client.tracker("x"),
    "set_tracker": lambda client: client.set_tracker("x", TRACKER),
    "remove_tracker": lambda client: client.remove_tracker("x"),
    "get_tracker_status": lambda client: client.tracker_status("x"),
    "check_tracker": lambda client: client.check_tracker("x"),
    "import_issues": lambda client: client.import_issues("x", ("7",)),
    "list_links": lambda client: client.card_links("x"),
    "link_task": lambda client: client.make_issue("x", "app"),
    "list_plans": lambda client: client.plans(),
    "create_plan": lambda client: client.ask_plan("x", "Export links"),
    "get_plan": lambda client: client.plan("x"),
    "revise_plan": lambda client: client.revise_plan("x", "Smaller"),
    "accept_plan": lambda client: client.accept_plan("x", "0" * 64),
    "dismiss_plan": lambda client: client.dismiss_plan("x"),
    "list_workflows": lambda client: client.workflows(),
    "create_workflow": lambda client: client.create_workflow({"name": "x"}),
    "check_workflow": lambda client: client.check_workflow("name = 'x'"),
    "get_workflow": lambda client: client.workflow("x"),
    "set_workflow": lambda client: client.set_workflow("x", {"name": "x"}),
    "remove_workflow": lambda client: client.remove_workflow("x"),
    "start_workflow_run": lambda client: client.start_workflow("x"),
    "list_workflow_runs": lambda client: client.workflow_runs(),
    "get_workflow_run": lambda client: client.workflow_run("x"),
    "cancel_workflow_run": lambda client: client.cancel_workflow_run("x"),
    "pause_workflow_run": lambda client: client.pause_workflow_run("x"),
    "resume_workflow_run": lambda client: client.resume_workflow_run("x"),
    "retry_stage": lambda client: client.retry_stage("x", "build"),
    "skip_stage": lambda client: client.skip_stage("x", "build", "Not needed"),
    "list_approvals": lambda client: client.approvals(),
    "get_approval": lambda client: client.approval("x"),
    "decide_approval": lambda client: client.decide("x", "approve", "0" * 64),
    "list_documents": lambda client: client.documents(),
    "create_document": lambda client: client.create_document(commands.CreateDocument(title="xyz")),
    "get_document": lambda client: client.document("x"),
    "edit_document": lambda client: client.edit_document("x", commands.EditDocument(version=1, title="xyz")),
    "remove_document": lambda client: client.remove_document("x"),
    "list_document_versions": lambda client: client.document_versions("x"),
    "get_document_difference": lambda client: client.document_difference("x", 1),
    "publish_document": lambda client: client.publish_document("x"),
    "archive_document": lambda client: client.archive_document("x"),
    "restore_document": lambda client: client.restore_document("x"),
    "merge_document": lambda client: client.merge_document("x", "y"),
    "list_duplicates": lambda client: client.duplicates(),
    "draw_documents": lambda client: client.draw_documents(),
    "get_documentation": lambda client: client.documentation(),
    "set_documentation": lambda client: client.set_documentation("each"),
    "list_marketplace": lambda client: client.marketplace(),
    "search": lambda client: client.search("x"),
    "list_tool_servers": lambda client: client.tool_servers(),
    "get_tool_server": lambda client: client.tool_server("x"),
    "set_tool_server": lambda client: client.set_tool_server("x", TOOL_SERVER),
    "remove_tool_server": lambda client: client.remove_tool_server("x"),
    "list_served_tools": lambda client: client.served_tools(),
    "call_tool": lambda client: client.call_tool("x.y"),
    "list_resources": lambda client: client.server_resources("x"),
    "read_resource": lambda client: client.server_resource("x", "file:///y"),
    "list_prompts": lambda client: client.server_prompts("x"),
    "get_prompt": lambda client: client.server_prompt("x", "y"),
    "decide_tool_call": lambda client: client.decide_tool_call("x", "allow", "0" * 12),
    "get_package": lambda client: client.package("x"),
    "install_package": lambda client: client.install_package("x"),
    "upgrade_package": lambda client: client.upgrade_package("x"),
    "configure_package": lambda client: client.configure_package("x", commands.ConfigurePackage(temperature=0.1)),
    "remove_package": lambda client: client.remove_package("x"),
    "refresh_marketplace": lambda client: client.refresh_marketplace(),
    "list_schedules": lambda client: client.schedules(),
    "get_schedule": lambda client: client.schedule("x"),
    "set_schedule": lambda client: client.set_schedule("x", SCHEDULE),
    "edit_schedule": lambda client: client.edit_schedule("x", commands.EditSchedule(enabled=False)),
    "remove_schedule": lambda client: client.remove_schedule("x"),
    "list_firings": lambda client: client.firings("x"),
    "fire_schedule": lambda client: client.fire_schedule("x"),
    "list_webhooks": lambda client: client.webhooks(),
    "create_webhook": lambda client: client.create_webhook(WEBHOOK),
    "get_webhook": lambda client: client.webhook("x"),
    "set_webhook": lambda client: client.set_webhook("x", WEBHOOK),
    "remove_webhook": lambda client: client.remove_webhook("x"),
    "test_webhook": lambda client: client.test_webhook("x"),
    "list_deliveries": lambda client: client.deliveries("x"),
    "get_sign_in_status": lambda client: client.sign_in_status(),
    "set_up": lambda client: client.set_up("x", "ada@example.com", "Ada", "correct horse battery"),
    "log_in": lambda client: client.log_in("ada@example.com", "correct horse battery"),
    "refresh_session": lambda client: client.refresh("x"),
    "log_out": lambda client: client.log_out(refresh_token="x"),
    "accept_invitation": lambda client: client.accept_invitation("x", "Ada", "correct horse battery"),
    "list_workspaces": lambda client: client.workspaces(),
    "create_workspace": lambda client: client.create_workspace("x"),
    "get_workspace": lambda client: client.get_workspace("x"),
    "edit_workspace": lambda client: client.edit_workspace("x", commands.EditWorkspace(name="y")),
    "delete_workspace": lambda client: client.delete_workspace("x"),
    "list_members": lambda client: client.members("x"),
    "add_member": lambda client: client.add_member("x", "y"),
    "change_member": lambda client: client.change_member("x", "y", MemberRole.ADMIN),
    "remove_member": lambda client: client.remove_member("x", "y"),
    "list_invitations": lambda client: client.invitations("x"),
    "invite": lambda client: client.invite("x", "ada@example.com"),
    "withdraw_invitation": lambda client: client.withdraw_invitation("x", "y"),
    "list_teams": lambda client: client.teams("x"),
    "create_team": lambda client: client.create_team("x", "y"),
    "edit_team": lambda client: client.edit_team("x", "y", commands.EditTeam(name="z")),
    "remove_team": lambda client: client.remove_team("x", "y"),
    "list_tokens": lambda client: client.tokens(),
    "issue_token": lambda client: client.issue_token("x", ("workspace:default",)),
    "revoke_token": lambda client: client.revoke_token("x"),
    "redeem_sign_in": lambda client: client.redeem_sign_in("x"),
    "get_me": lambda client: client.me(),
    "change_password": lambda client: client.change_password("x", "correct horse battery"),
    "rotate_signing_key": lambda client: client.rotate_signing_key(),
    "list_users": lambda client: client.users(),
    "edit_user": lambda client: client.edit_user("x", commands.EditUser(disabled=True)),
    "erase_user": lambda client: client.erase_user("x"),
    "reset_password": lambda client: client.reset_password("x", "correct horse battery"),
    "list_secrets": lambda client: client.secrets(),
    "get_secret": lambda client: client.secret("x"),
    "store_secret": lambda client: client.store_secret("x", "y"),
    "delete_secret": lambda client: client.delete_secret("x"),
    "rotate_secrets": lambda client: client.rotate_secrets(),
    "get_queue": lambda client: client.queue(),
    "requeue_dead_letter": lambda client: client.requeue("x"),
    "list_events": lambda client: client.events(),
    "get_event": lambda client: client.event(1),
    "get_chain": lambda client: client.chain(1),
    "list_audit": lambda client: client.audit(),
    "export_audit": lambda client: client.export_audit(),
    "list_people_audit": lambda client: client.people_audit(),
    "export_people_audit": lambda client: client.export_people_audit(),
    "get_policies": lambda client: client.policies(),
    "set_policies": lambda client: client.set_policies("// none"),
}


class _Refusing(BaseHTTPRequestHandler):
    """Takes note of what is asked for, and refuses it."""

    asked: list[tuple[str, str]]

    def _refuse(self) -> None:
        type(self).asked.append((self.command.lower(), self.path.partition("?")[0]))
        body = b'{"type": "urn:vapora:problem:not-found", "title": "No"}'
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _refuse

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def refusing() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    handler = type("Handler", (_Refusing,), {"asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", handler.asked  # type: ignore[attr-defined]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def operations(url: str) -> list[tuple[str, str, str]]:
    """Name, method and path template of all that the server's document describes; literal paths first."""
    # It is made with the first request, which takes seconds on a busy machine.
    document = httpx.get(f"{url}/openapi.json", timeout=60).json()
    found = [
        (str(operation["operationId"]), method, template)
        for template, item in document["paths"].items()
        for method, operation in item.items()
    ]
    return sorted(found, key=lambda one: one[2].count("{"))


def test_the_document_and_the_sdk_name_the_same_operations(operations: list[tuple[str, str, str]]) -> None:
    assert {name for name, _, _ in operations} == set(CALLS)


def _named(asked: tuple[str, str], operations: list[tuple[str, str, str]]) -> str:
    method, path = asked
    return next(name for name, of, template in operations if of == method and compile_path(template)[0].match(path))


@pytest.mark.parametrize("name", CALLS)
def test_each_method_asks_for_its_operation(
    name: str, refusing: tuple[str, list[tuple[str, str]]], operations: list[tuple[str, str, str]]
) -> None:
    url, asked = refusing
    with Client(url) as client, pytest.raises(ApiError):
        answer = CALLS[name](client)
        next(answer)
    assert _named(asked[-1], operations) == name


@pytest.mark.parametrize("name", CALLS)
async def test_each_asynchronous_method_asks_for_its_operation(
    name: str, refusing: tuple[str, list[tuple[str, str]]], operations: list[tuple[str, str, str]]
) -> None:
    url, asked = refusing
    async with AsyncClient(url) as client:
        with pytest.raises(ApiError):
            answer = CALLS[name](client)
            await (anext(answer) if isinstance(answer, AsyncIterator) else answer)
    assert _named(asked[-1], operations) == name


@pytest.mark.parametrize("name", make.NAMES)
def test_the_synchronous_client_is_made_from_the_asynchronous_one(name: str) -> None:
    assert (make.SDK / f"{name}.py").read_text(encoding="utf-8") == make.made(name), "run python -m tests.sdk.make"


def test_every_method_says_what_it_answers() -> None:
    for client in (Client, AsyncClient):
        for name, method in inspect.getmembers(client, inspect.isfunction):
            if not name.startswith("_"):
                assert method.__annotations__.get("return"), name
