"""An agent."""

from __future__ import annotations

from functools import partial
from typing import cast

from actors.agent import Agent
from actors.agent.means import StepLimits
from actors.agent.permission import Permission
from actors.composition.wiring import Wiring
from actors.runtime.base import Address
from vapora.catalog import role
from vapora.clock import now
from vapora.knowledge import PastWork, likeness
from vapora.ports import ToolGatewayPort


def build_agent(wiring: Wiring, address: Address) -> Agent:
    runtime, workspace = wiring.runtime, address.workspace
    past_work = PastWork(wiring.settings.read_place(workspace), likeness(wiring.settings, workspace))
    return Agent(
        address.id,
        wiring.log(workspace),
        router=runtime.ref(Address("router")),
        budget_watch=runtime.ref(Address("budget", workspace)),
        roles=role,
        texts=wiring.blobs(workspace),
        clock=now,
        snapshots=wiring.settings.stream_snapshots(workspace),
        workplaces=runtime.ref(Address("repositories", workspace)),
        rehearsal_steps=wiring.settings.rehearsal_steps,
        gateway=cast(ToolGatewayPort, runtime.ref(Address("mcp_gateway"))),
        permission=Permission(partial(runtime.ref(Address("identity")).policies, workspace)),
        limits=StepLimits(
            # The router's own limit for one attempt, and what it takes to choose, to pay and to record.
            model_s=wiring.settings.call_timeout_s + wiring.settings.agent_step_limit_s,
            tool_s=wiring.settings.agent_tool_limit_s,
            other_s=wiring.settings.agent_step_limit_s,
        ),
        past_work=past_work,
        crew=wiring.crew,
        evidence=past_work.evidence if wiring.settings.model_quality == "learned" else None,
    )
