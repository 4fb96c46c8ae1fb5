"""The application: every command in its place, and the one table from errors to exit codes."""

from __future__ import annotations

import signal
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import vapora
from vapora.cli import (
    agents,
    archive,
    attachments,
    audit,
    blobs,
    board,
    budget,
    channels,
    deploy,
    doctor,
    documents,
    handover,
    knowledge,
    log,
    marketplace,
    plans,
    projects,
    queue,
    rebuild,
    run,
    schedules,
    search,
    secrets,
    settings,
    task,
    task_work,
    tools,
    trackers,
    up,
    webhooks,
    workflows,
)
from vapora.cli.demo import command as demo
from vapora.cli.output import FAILED, INTERRUPTED, USAGE, say
from vapora.cli.people import members, policy, signing_in, teams, tokens, users, workspaces
from vapora.errors import BadInputError, CatalogError, ConfigurationError, VaporaError
from vapora.startup import interrupt


class _Guarded(TyperGroup):
    """Turns what the rooms raise into one line and an exit code, for every command below it."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except VaporaError as error:
            say(str(error) + _how_to_go_on(error))
            raise typer.Exit(_exit_code(error)) from error
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=_Guarded,
    name="vapora",
    help=vapora.__doc__,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("up")(up.up)
app.command("demo")(demo.demo)
task_work.install(task.app)
attachments.install(task.app)
app.add_typer(task.app, name="task")
app.command("board")(board.board)
app.add_typer(agents.app, name="agents")
app.add_typer(budget.app, name="budget")
app.command("costs")(budget.costs)
app.add_typer(projects.app, name="project")
# As it was called first.
app.add_typer(projects.app, name="projects", hidden=True)
app.add_typer(run.app, name="run")
app.add_typer(queue.app, name="queue")
app.add_typer(secrets.app, name="secrets")
app.add_typer(schedules.app, name="schedules")
app.add_typer(channels.app, name="channels")
app.add_typer(tools.app, name="tools")
app.add_typer(trackers.app, name="trackers")
app.add_typer(plans.app, name="plan")
app.command("search")(search.search)
app.add_typer(settings.app, name="settings")
app.add_typer(knowledge.app, name="knowledge")
app.add_typer(documents.app, name="documents")
app.add_typer(workflows.app, name="workflow")
app.add_typer(workflows.approvals, name="approvals")
app.add_typer(marketplace.app, name="marketplace")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(log.app, name="log")
app.add_typer(audit.app, name="audit")
app.add_typer(blobs.app, name="blobs")
app.command("prune")(blobs.prune)
app.command("login")(signing_in.login)
app.command("logout")(signing_in.logout)
app.command("whoami")(signing_in.whoami)
app.command("setup")(signing_in.setup)
app.add_typer(signing_in.auth, name="auth")
app.add_typer(users.app, name="users")
app.add_typer(workspaces.app, name="workspace")
app.add_typer(members.app, name="members")
app.add_typer(teams.app, name="teams")
app.add_typer(tokens.app, name="tokens")
app.add_typer(policy.app, name="policy")
app.command("rebuild")(rebuild.rebuild)
app.command("export")(archive.export)
app.command("import")(archive.load)
app.command("backup")(archive.backup)
app.command("restore")(archive.restore)
app.command("doctor")(doctor.doctor)
app.command("handover")(handover.handover)
app.add_typer(deploy.app, name="deploy")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(vapora.__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run one command; `vapora.__main__` comes here."""
    interrupt.install()
    # A pipe that closes early (`vapora log tail | head`) is no error of ours.
    try:
        # Some hundred milliseconds, in which nothing would catch a `KeyboardInterrupt`.
        command = typer.main.get_command(app)
        with interrupt.raising():
            command()
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)


def _exit_code(error: VaporaError) -> int:
    if _nobody_there(error):
        return USAGE
    # What a server refuses was typed as it can be, whichever of our errors it stands for.
    if _refused(error):
        return FAILED
    return USAGE if isinstance(error, (BadInputError, CatalogError, ConfigurationError)) else FAILED


def _how_to_go_on(error: VaporaError) -> str:
    if _nobody_there(error):
        return " Start it with `vapora up`, or set VAPORA_URL to where it runs."
    if _nobody_known(error):
        return " On the command line: `vapora login`, or VAPORA_TOKEN."
    return ""


def _refused(error: VaporaError) -> bool:
    if "vapora.sdk" not in sys.modules:
        return False
    from vapora.sdk import ApiError

    return isinstance(error, ApiError)


def _nobody_there(error: VaporaError) -> bool:
    if "vapora.sdk" not in sys.modules:
        return False
    from vapora.sdk import NoServerError

    return isinstance(error, NoServerError)


def _nobody_known(error: VaporaError) -> bool:
    """The server wants to know who asks."""
    return getattr(error, "status", None) == 401 and str(getattr(error, "type", "")).endswith(":unauthenticated")
