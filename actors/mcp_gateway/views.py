"""What the gateway shows of servers and tools. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from events.run import OfferedTool
from events.tool_server import BuiltInTransport, ToolServerSet
from vapora.domain.tool_server import Holds
from vapora.mcp.schemas import shown_schema
from vapora.views import ServedToolView, ToolServerStatus

if TYPE_CHECKING:
    from actors.mcp_gateway.known import Known


def offer(name: str, holds: Holds, project_id: str) -> OfferedTool:
    return OfferedTool(
        name=name,
        effect="pure" if holds.effect == "pure" else "outside",
        outward=holds.outward,
        reads_outside=holds.reads_outside,
        cost_microusd=holds.cost_microusd,
        timeout_s=holds.timeout_s,
        allowed="*" in holds.allowed_in or project_id in holds.allowed_in,
    )


def served(server_id: str, tool: Any, holds: Holds) -> tuple[ServedToolView, Holds]:
    view = ServedToolView(
        name=tool.name,
        server=server_id,
        description=tool.description,
        parameters=shown_schema(tool.parameters) or {"type": "object", "properties": {}},
        enabled=holds.enabled,
        effect=holds.effect,
        outward=holds.outward,
        reads_outside=holds.reads_outside,
        cost_microusd=holds.cost_microusd,
        timeout_s=holds.timeout_s,
        hints=dict(getattr(tool, "hints", {})),
    )
    return view, holds


def status(known: Known) -> ToolServerStatus:
    defined = known.set or ToolServerSet(server_id=known.id, transport=BuiltInTransport())
    return ToolServerStatus(
        id=known.id,
        title=known.title or known.id,
        description=known.description,
        transport=defined.transport,
        enabled=defined.enabled,
        owner=defined.owner,
        roles=defined.roles,
        expected_tools=defined.expected_tools,
        rules=defined.tools,
        protocol=defined.protocol,
        timeout_s=defined.timeout_s,
        result_bytes=defined.result_bytes,
        state=known.state,
        problem=known.problem,
        tools=tuple(view for view, _ in known.tools),
        **dict(known.more or {}),
    )
