"""Servers of tools, and their tools: what there is, who gets it, and trying it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from events.ids import TOOL_SERVERS
from vapora.api.cells import Cell
from vapora.api.context import OPERATOR_ONLY, Cursor, Editing, FreshCell, Limit, PostKey, Writing
from vapora.api.etags import Reading, Versioned
from vapora.api.pages import page_of
from vapora.clock import new_id
from vapora.commands import CallTool, RemoveToolServer, SetToolServer
from vapora.domain.tool_names import joined
from vapora.errors import NotFoundError
from vapora.ports import ServedCall, ServedOutcome
from vapora.views import Accepted, Page, ServedToolView, ServerSays, ToolCalled, ToolServerStatus

router = APIRouter(prefix="/mcp", tags=["tools"])

Server = Annotated[str, Path(max_length=80)]


@router.get("/servers", summary="List the servers of tools")
async def list_tool_servers(cell: FreshCell, limit: Limit = 500, cursor: Cursor = None) -> Page[ToolServerStatus]:
    """Those that are set and those that are built in, with how they are and the tools that they have now."""
    return page_of(await cell.tools.servers(cell.workspace), lambda one: one.id, limit, cursor)


@router.get("/servers/{server_id}", summary="Show a server of tools")
async def get_tool_server(server_id: Server, cell: FreshCell, reading: Reading) -> ToolServerStatus:
    """With how it is and the tools that it has now."""
    position = await cell.log.last_position(TOOL_SERVERS)
    return reading.tagged(Versioned(await _server(cell, server_id), str(position)))


@router.put("/servers/{server_id}", summary="Make or replace a server of tools", dependencies=[OPERATOR_ONLY])
async def set_tool_server(server_id: Server, body: SetToolServer, writing: Editing) -> ToolServerStatus:
    """All of it, under an id of your choice. Secrets are named, and stand in the vault: `PUT /secrets/{name}`. The
    answer shows how it began; it is tried again by itself where it did not."""
    await writing.dispatch(body, server_id)
    return await _server(writing.cell, server_id)


@router.delete("/servers/{server_id}", summary="Remove a server of tools", dependencies=[OPERATOR_ONLY])
async def remove_tool_server(server_id: Server, writing: Editing) -> Accepted:
    """Its process or connection ends. One that is built in is as it was before anything was said of it."""
    accepted = await writing.dispatch(RemoveToolServer(), server_id)
    await writing.cell.tools.servers(writing.cell.workspace)
    return accepted


@router.get("/tools", summary="List the tools of servers")
async def list_served_tools(
    cell: FreshCell,
    server: Annotated[str | None, Query(max_length=80, description="Only those of this server.")] = None,
    limit: Limit = 500,
    cursor: Cursor = None,
) -> Page[ServedToolView]:
    """As `<server>.<tool>`, with what each takes and what holds for it."""
    found = tuple(
        tool.model_copy(update={"name": joined(one.id, tool.name)})
        for one in await cell.tools.servers(cell.workspace)
        if server is None or one.id == server
        for tool in one.tools
    )
    return page_of(found, lambda one: one.name, limit, cursor)


@router.post("/tools/{name}/call", summary="Call a tool of a server")
async def call_tool(
    name: Annotated[str, Path(max_length=200, description="As `<server>.<tool>`.")],
    body: CallTool,
    writing: Writing,
    key: PostKey,
) -> ToolCalled:
    """Now and once, as an agent would. What it did outside cannot be taken back."""
    call = ServedCall(
        workspace=writing.cell.workspace,
        actor=writing.origin.actor,
        call_id=key.stream if key is not None else new_id("call"),
        name=name,
        arguments=dict(body.arguments),
        project_id=body.project_id or "",
    )
    found = await writing.cell.tools.call(call)
    return ToolCalled(
        name=name,
        ok=found.ok,
        text=found.text,
        truncated=found.truncated,
        duration_ms=found.duration_ms,
        cost_microusd=found.cost_microusd,
    )


@router.get("/servers/{server_id}/resources", summary="List the resources of a server")
async def list_resources(server_id: Server, cell: FreshCell) -> ServerSays:
    """As JSON: `uri`, `name`, `description` and `type` of each."""
    return _says(await cell.tools.look(cell.workspace, server_id, "resources"))


@router.get("/servers/{server_id}/resource", summary="Read a resource of a server")
async def read_resource(
    server_id: Server, cell: FreshCell, uri: Annotated[str, Query(max_length=2_000, description="Its address.")]
) -> ServerSays:
    return _says(await cell.tools.look(cell.workspace, server_id, "resource", uri))


@router.get("/servers/{server_id}/prompts", summary="List the prompts of a server")
async def list_prompts(server_id: Server, cell: FreshCell) -> ServerSays:
    """As JSON: `name`, `description` and `arguments` of each, these with `name`, `description` and `required`."""
    return _says(await cell.tools.look(cell.workspace, server_id, "prompts"))


@router.get("/servers/{server_id}/prompts/{name}", summary="Read a prompt of a server")
async def get_prompt(
    server_id: Server,
    name: Annotated[str, Path(max_length=200)],
    cell: FreshCell,
    argument: Annotated[
        list[str] | None, Query(max_length=50, description="An argument, as `name=value`; once for each.")
    ] = None,
) -> ServerSays:
    """With its arguments put in."""
    pairs = dict(one.partition("=")[::2] for one in argument or ())
    return _says(await cell.tools.look(cell.workspace, server_id, "prompt", name, pairs))


async def _server(cell: Cell, server_id: str) -> ToolServerStatus:
    for one in await cell.tools.servers(cell.workspace):
        if one.id == server_id:
            return one
    raise NotFoundError(f"There is no server of tools '{server_id}'.", remedy="List the servers.")


def _says(found: ServedOutcome) -> ServerSays:
    return ServerSays(ok=found.ok, text=found.text, truncated=found.truncated)
