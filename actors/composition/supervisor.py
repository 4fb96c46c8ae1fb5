"""The supervisor."""

from __future__ import annotations

from actors import kinds
from actors.composition.wiring import Wiring
from actors.runtime.base import Address
from actors.supervisor import Supervisor
from actors.supervisor.store import SettingsCellStore
from vapora.clock import new_id, now
from vapora.dispatch import Dispatcher
from vapora.dispatch.code_agents import CodeAgents
from vapora.ports import Origin


def build_supervisor(wiring: Wiring, _: Address) -> Supervisor:
    settings, runtime = wiring.settings, wiring.runtime

    async def prepare(workspace: str) -> None:
        origin = Origin(workspace, actor="supervisor", correlation=new_id("cor"))
        await Dispatcher(wiring.log(workspace), now).open_workspace(origin)
        await CodeAgents(wiring.log(workspace), wiring.blobs(workspace)).register(origin, wiring.crew)
        if settings.default_cap_cents is not None:
            # Before the coordinator runs, and so before the first call.
            await runtime.ref(Address("budget", workspace)).set_default_cap(origin, settings.default_cap_cents)

    return Supervisor(
        runtime,
        SettingsCellStore(settings),
        prepare,
        now,
        interval_s=settings.health_interval_s,
        idle_s=settings.cell_idle_s,
        parts=kinds.residents(settings),
        leases=wiring.leases,
    )
