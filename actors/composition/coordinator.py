"""The coordinator, and what brings work to it through NATS."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from actors.composition.wiring import Wiring
from actors.coordinator import SwarmCoordinator
from actors.coordinator.queue_consumer import QueueConsumer
from actors.runtime.base import Address, Runtime
from actors.snapshots import saved_offers, saved_swarm
from vapora.catalog import role, role_defaults, roles
from vapora.clock import now
from vapora.domain.disk import why_not
from vapora.domain.heartbeat import Heartbeat
from vapora.errors import ConfigurationError, UnavailableError, VaultError
from vapora.queue.nats.options import options_of
from vapora.settings import Settings

if TYPE_CHECKING:
    from actors.relay import Relay


def build_coordinator(wiring: Wiring, address: Address) -> SwarmCoordinator:
    settings, runtime, workspace = wiring.settings, wiring.runtime, address.workspace
    return SwarmCoordinator(
        wiring.log(workspace),
        workspace,
        agent=lambda agent_id: runtime.ref(Address("agent", workspace, agent_id)),
        retire=lambda agent_id: runtime.stop(Address("agent", workspace, agent_id)),
        is_simulated=lambda: _is_simulated(runtime, workspace),
        clock=now,
        idle_s=settings.agent_idle_s,
        resend_s=settings.resend_s,
        saved=saved_swarm(settings.snapshots(workspace)),
        consumer=_consumer(settings, workspace),
        kill=lambda agent_id: runtime.discard(Address("agent", workspace, agent_id)),
        beat=lambda role_id: beat_of(settings, role_id),
        heartbeat_s=min(beat_of(settings, role_id).interval_s for role_id in roles()),
        most_runs_of={one.id: one.most_runs for one in roles().values() if one.most_runs is not None},
        has_code=lambda agent_id: agent_id in wiring.crew.agents,
        role_defaults=lambda role_id: role_defaults(role_id) if role_id in roles() else None,
        full=lambda: _why_full(settings),
        exploration=settings.exploration,
    )


def _why_full(settings: Settings) -> str | None:
    """Worktrees and products are in the data folder, wherever log and texts may be."""
    data = settings.data.absolute()
    # Perhaps nothing was put into it yet.
    found = shutil.disk_usage(next(one for one in (data, *data.parents) if one.exists()))
    return why_not(found.free, found.total, settings.disk_free_percent)


def beat_of(settings: Settings, role_id: str) -> Heartbeat:
    """What the role's manifest leaves out is as the settings say."""
    own = role(role_id).heartbeat if role_id in roles() else None
    return Heartbeat(
        interval_s=own.interval_s if own and own.interval_s else settings.agent_heartbeat_s,
        misses=own.misses if own and own.misses else settings.agent_misses,
        start_s=settings.agent_start_s,
    )


async def _is_simulated(runtime: Runtime, workspace: str) -> bool:
    """Where a vault that does not answer may hold a key, real money is expected."""
    try:
        return bool(await runtime.ref(Address("router")).is_simulated(workspace))
    except (UnavailableError, VaultError):
        return False


def _consumer(settings: Settings, workspace: str) -> QueueConsumer | None:
    """Where work is delivered by NATS; None: the log itself is the queue."""
    options = options_of(settings)
    if options is None:
        return None
    # Who needs no NATS needs not spend the time to import it.
    from vapora.queue.nats.queue import NatsQueue

    queue = NatsQueue(options, workspace, ack_wait_s=settings.nats_ack_wait_s, max_deliver=settings.nats_max_deliver)
    return QueueConsumer(
        queue,
        workspace,
        patience_s=settings.nats_patience_s,
        heartbeat_s=settings.nats_ack_wait_s / 3,
        first_delay_s=settings.nats_ack_wait_s / 6,
        saved=saved_offers(settings.snapshots(workspace), workspace),
    )


def build_relay(wiring: Wiring, address: Address) -> Relay:
    from actors.relay import Relay
    from vapora.queue.nats.outlet import NatsOutlet

    settings, workspace = wiring.settings, address.workspace
    options = options_of(settings)
    if options is None:
        raise ConfigurationError("There is no relay without NATS.", remedy="Set VAPORA_NATS_URL.")
    saved = saved_offers(settings.snapshots(workspace), workspace)
    return Relay(wiring.log(workspace), workspace, NatsOutlet(options, workspace), saved)
