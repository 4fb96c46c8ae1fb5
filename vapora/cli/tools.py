"""`vapora tools`: servers of tools, what they offer, and trying it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Group, RenderableType

from vapora.cli.names import RunId, project_id, run_id
from vapora.cli.output import FAILED, USAGE, Json, cell, checked, clip, console, dollars, emit, stop, table, value_of
from vapora.cli.remote import connect
from vapora.commands import SetToolServer
from vapora.views import ServedToolView, ServerSays, ToolCalled, ToolServerStatus

if TYPE_CHECKING:
    from vapora.sdk import Client

app = typer.Typer(help="Tools of servers; without a command, lists them.", invoke_without_command=True)

ServerId = Annotated[str, typer.Argument(metavar="SERVER", help="Its id.")]
Pairs = Annotated[list[str] | None, typer.Option(help="NAME=SECRET, the secret's name in the vault; repeatable.")]


@app.callback()
def _default(ctx: typer.Context, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is None:
        _list(None, as_json)


@app.command("list")
def list_tools(
    server: Annotated[str | None, typer.Option(help="Only those of this server.")] = None, as_json: Json = False
) -> None:
    """The tools that there are now, as SERVER.TOOL."""
    _list(server, as_json)


@app.command()
def servers(as_json: Json = False) -> None:
    """The servers, and how they are."""
    with connect() as client:
        found = client.tool_servers()
    emit(as_json, {"items": found, "next": None}, lambda: _drawn(found))


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A server, or a tool as SERVER.TOOL.")],
    as_json: Json = False,
) -> None:
    """One server, or one tool with what it takes."""
    server, _, tool = name.partition(".")
    with connect() as client:
        if tool:
            found = next((one for one in client.served_tools(server) if one.name == name), None)
            if found is None:
                stop(FAILED, f"There is no tool {name!r}.", "List them: vapora tools list")
            emit(as_json, found, lambda: _tool(found))
        else:
            status = client.tool_server(name)
            emit(as_json, status, lambda: _server(status))


@app.command("set")
def set_server(
    server: ServerId,
    command: Annotated[
        list[str] | None, typer.Argument(metavar="-- COMMAND", help="The program and its arguments, behind --.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="Of a server by streamable HTTP.")] = None,
    built_in: Annotated[bool, typer.Option("--built-in", help="It is a part of VAPORA.")] = False,
    variable: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, no secret; repeatable.")] = None,
    header: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, no secret; repeatable.")] = None,
    secret: Pairs = None,
    bearer: Annotated[str | None, typer.Option(help="The secret that is sent as a bearer token, by its name.")] = None,
    read: Annotated[list[str] | None, typer.Option(help="A folder that it sees; repeatable.")] = None,
    write: Annotated[list[str] | None, typer.Option(help="A folder that it may write to; repeatable.")] = None,
    network: Annotated[bool | None, typer.Option("--network/--no-network")] = None,
    role: Annotated[list[str] | None, typer.Option(help="Whose agents get its tools, or *; repeatable.")] = None,
    expect: Annotated[list[str] | None, typer.Option(help="A tool that must be there; repeatable.")] = None,
    timeout: Annotated[int | None, typer.Option(min=1, help="The most that a call may take, in seconds.")] = None,
    result_bytes: Annotated[int | None, typer.Option(min=1_000, help="What is kept of a result.")] = None,
    title: Annotated[str | None, typer.Option()] = None,
    description: Annotated[str | None, typer.Option()] = None,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable")] = None,
    file: Annotated[Path | None, typer.Option(help="All of it as JSON, as the API takes it; rules too.")] = None,
    as_json: Json = False,
) -> None:
    """Make a server, or change what is named of one that there is."""
    kinds = [kind for kind, given in (("stdio", command), ("http", url), ("built-in", built_in)) if given]
    if len(kinds) > 1:
        stop(USAGE, "A server is a command, a URL, or built in.", "Name one of them.")
    transport = _named(
        {
            "kind": kinds[0] if kinds else None,
            "command": command or None,
            "url": url,
            "variables": _pairs("--variable", variable),
            "headers": _pairs("--header", header),
            "secrets": _pairs("--secret", secret),
            "bearer": bearer,
            "read": read,
            "write": write,
            "network": network,
        }
    )
    said = _named(
        {
            "roles": role,
            "expected_tools": expect,
            "timeout_s": timeout,
            "result_bytes": result_bytes,
            "title": title,
            "description": description,
            "enabled": enabled,
        }
    )
    if not (transport or said or file):
        stop(USAGE, "Nothing was named.", "Name --url, or a command behind --.")
    with connect() as client:
        before = _read(file) if file else _before(client, server)
        was = before.get("transport") or {}
        same = transport.get("kind", was.get("kind")) == was.get("kind")
        fields = {**before, **said, "transport": {**(was if same else {}), **transport}}
        status = client.set_tool_server(server, checked(SetToolServer, fields))
    emit(as_json, status, lambda: _server(status))


@app.command()
def remove(server: ServerId, as_json: Json = False) -> None:
    """Remove a server; its process ends."""
    with connect() as client:
        position = client.remove_tool_server(server)
    emit(as_json, {"id": server, "position": position}, lambda: f"{cell(server)} is gone.")


@app.command()
def call(
    name: Annotated[str, typer.Argument(metavar="TOOL", help="As SERVER.TOOL.")],
    argument: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=VALUE", help="A text, or as JSON; as the tool's schema says.")
    ] = None,
    arguments: Annotated[str | None, typer.Option("--arguments", help="All of them, as a JSON object.")] = None,
    project: Annotated[str | None, typer.Option(help="For which project.")] = None,
    as_json: Json = False,
) -> None:
    """Call a tool now and once, as an agent would. What it does outside cannot be taken back."""
    given = _object(arguments) if arguments is not None else {}
    pairs = _pairs("An argument", argument) or {}
    with connect() as client:
        if pairs:
            tool = next((one for one in client.served_tools(name.partition(".")[0]) if one.name == name), None)
            given |= {key: _typed(tool, key, value) for key, value in pairs.items()}
        found = client.call_tool(name, given, project_id(client, project) if project else None)
    if as_json:
        emit(True, found, lambda: "")
    else:
        _answered(found)
    if not found.ok:
        raise typer.Exit(FAILED)


@app.command()
def resources(
    server: ServerId,
    uri: Annotated[str | None, typer.Argument(help="The one to read; absent: lists them.")] = None,
    as_json: Json = False,
) -> None:
    """What a server has to read."""
    with connect() as client:
        found: ServerSays = client.server_resources(server) if uri is None else client.server_resource(server, uri)
    emit(as_json, found, lambda: found.text)
    if not found.ok:
        raise typer.Exit(FAILED)


@app.command()
def prompts(
    server: ServerId,
    name: Annotated[str | None, typer.Argument(help="The one to read; absent: lists them.")] = None,
    argument: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=VALUE", help="What the prompt takes, each a text.")
    ] = None,
    as_json: Json = False,
) -> None:
    """The prompts that a server has ready, and one of them with its arguments put in."""
    given = _pairs("An argument", argument)
    with connect() as client:
        found: ServerSays = client.server_prompts(server) if name is None else client.server_prompt(server, name, given)
    emit(as_json, found, lambda: found.text)
    if not found.ok:
        raise typer.Exit(FAILED)


@app.command()
def decide(
    run: RunId,
    decision: Annotated[Literal["allow", "refuse"], typer.Argument(help="allow or refuse.")],
    seen: Annotated[str, typer.Option(help="The digest that the card shows behind the call: [call DIGEST].")],
    comment: Annotated[str, typer.Option(help="For the agent.")] = "",
    as_json: Json = False,
) -> None:
    """Allow or refuse the call of a tool that a run waits for; the card shows what would be sent."""
    with connect() as client:
        accepted = client.decide_tool_call(run_id(client, run), decision, seen, comment)
    done = "allowed" if decision == "allow" else "refused"
    emit(as_json, accepted, lambda: f"The call is {done} (position {accepted.position}).")


def _list(server: str | None, as_json: bool) -> None:
    with connect() as client:
        found = client.served_tools(server)
    emit(as_json, {"items": found, "next": None}, lambda: _tools(found))


def _before(client: Client, server: str) -> dict[str, Any]:
    """What is said of a server now; nothing of one that there is not."""
    known = next((one for one in client.tool_servers() if one.id == server), None)
    if known is None:
        return {}
    kept = set(SetToolServer.model_fields) - {"tools"}
    said = known.model_dump(mode="json", include=kept) | {"timeout_s": int(known.timeout_s)}
    return said | {"tools": [one.model_dump(mode="json") for one in known.rules]}


def _named(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _pairs(what: str, given: list[str] | None) -> dict[str, str] | None:
    parts = [one.partition("=") for one in given or ()]
    if any(not (name and sign) for name, sign, _ in parts):
        stop(USAGE, f"{what} is NAME=VALUE.")
    return {name: value for name, _, value in parts} or None


def _object(given: str) -> dict[str, Any]:
    try:
        found = json.loads(given)
    except ValueError as error:
        stop(USAGE, f"This is no JSON: {error}.")
    if not isinstance(found, dict):
        stop(USAGE, "This is no JSON object.", 'As {"name": "value"}.')
    return found


def _read(file: Path) -> dict[str, Any]:
    try:
        return _object(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        stop(USAGE, f"{file} cannot be read: {error}.")


def _typed(tool: ServedToolView | None, name: str, value: str) -> Any:
    """A text stays one where the schema wants a text; all else is JSON, where it is that."""
    properties = tool.parameters.get("properties") if tool is not None else None
    schema = properties.get(name) if isinstance(properties, dict) else None
    if isinstance(schema, dict) and schema.get("type") == "string":
        return value
    return value_of(value)


def _answered(found: ToolCalled) -> None:
    """The answer alone to stdout: it can be piped."""
    console(soft_wrap=True).print(found.text)
    cut = ", cut" if found.truncated else ""
    went = "done" if found.ok else "failed"
    cost = f", {dollars(found.cost_microusd)}" if found.cost_microusd else ""
    console(stderr=True, soft_wrap=True).print(f"{went}, {found.duration_ms} ms{cost}{cut}")


def _flags(tool: ServedToolView) -> str:
    told = (
        ("off", not tool.enabled),
        ("sends out", tool.outward),
        ("reads text of strangers", tool.reads_outside),
        ("may be repeated", tool.effect == "pure"),
    )
    cost = f", {dollars(tool.cost_microusd)} a call" if tool.cost_microusd else ""
    return ", ".join(name for name, holds in told if holds) + cost


def _tools(found: tuple[ServedToolView, ...]) -> RenderableType:
    if not found:
        return "There is no tool. Set a server: vapora tools set ID --role developer -- COMMAND"
    shown = table("Tools", "name", "what it is", "holds", fixed=())
    for one in found:
        shown.add_row(cell(one.name), cell(clip(one.description, 80)), _flags(one))
    return shown


def _tool(tool: ServedToolView) -> RenderableType:
    schema = json.dumps(tool.parameters, indent=2, ensure_ascii=False)
    return Group(cell(tool.name), cell(tool.description), _flags(tool), cell(schema))


def _drawn(found: tuple[ToolServerStatus, ...]) -> RenderableType:
    if not found:
        return "There is no server. Set one: vapora tools set ID --role developer -- COMMAND"
    shown = table("Servers", "id", "kind", "owner", "roles", "tools", "state", fixed=("id",), right=("tools",))
    for one in found:
        state = f"{one.state}: {one.problem}" if one.problem else one.state
        roles = cell(", ".join(one.roles) or "–")
        shown.add_row(
            cell(one.id), one.transport.kind, cell(_owner(one)), roles, str(len(one.tools)), cell(clip(state, 120))
        )
    return shown


def _owner(one: ToolServerStatus) -> str:
    return one.owner or ("VAPORA" if one.transport.kind == "built-in" else "people")


def _server(one: ToolServerStatus) -> RenderableType:
    facts = [
        ("state", one.state),
        ("problem", one.problem),
        ("owner", _owner(one)),
        ("reached", _reached(one)),
        ("roles", ", ".join(one.roles)),
        ("speaks", f"{one.said} {one.speaks}".strip()),
        ("missing", ", ".join(one.missing)),
        ("left out", "; ".join(f"{name}: {why}" for name, why in one.left_out.items())),
        ("limits", f"{one.timeout_s:g} s, {one.result_bytes:,} bytes of a result"),
        ("restarts", str(one.restarts) if one.restarts else ""),
        ("tools", ", ".join(tool.name for tool in one.tools)),
    ]
    shown = table(f"Server {one.id}", "", "")
    shown.show_header = False
    for name, value in facts:
        if value:
            shown.add_row(name, cell(value))
    return shown


def _reached(one: ToolServerStatus) -> str:
    match one.transport.kind:
        case "stdio":
            return " ".join(one.transport.command) + (", with a network" if one.transport.network else "")
        case "http":
            return one.transport.url
    return "it is built in"
