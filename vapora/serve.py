"""The composition root on Ray Serve: the API over the actor system, by a Serve configuration or `vapora.platform`.

On a cluster Serve's proxies find the replicas and bring them the requests. `vapora up` has one replica on one machine,
which nobody has to find: it listens itself, since a request through a proxy costs many times its own work.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from pydantic import BaseModel, ConfigDict, Field

from actors.composition import BUILDER, ActorSystem, require_shared
from actors.runtime import cluster
from actors.runtime.base import Address
from events.ids import DEFAULT_WORKSPACE
from vapora import __version__, journal, operator_token
from vapora.backoff import Backoff
from vapora.errors import ConfigurationError, HeldElsewhereError
from vapora.llm.catalogue import installed
from vapora.llm.factory import is_rehearsal
from vapora.observability import live
from vapora.ports import ActorSystemPort
from vapora.settings import Settings, is_loopback

if TYPE_CHECKING:
    from fastapi import FastAPI

_BACKOFF = Backoff(0.2, longest_s=5.0)
# Serve asks so often whether a replica is well, and waits so long for what it says.
_CHECKED_EVERY_S, _CHECKED_WITHIN_S = 10, 15


class Autoscaling(BaseModel):
    """How many replicas there are, by how many requests each has at a time. A live socket counts as one."""

    model_config = ConfigDict(extra="forbid")

    min_replicas: int = Field(default=2, ge=1)
    max_replicas: int = Field(default=8, ge=1)
    target_ongoing_requests: float = Field(default=40, gt=0)


class Args(BaseModel):
    """Arguments of the Serve application; everything else comes from the environment and `vapora.toml`.

    `host` is that of `http_options`, which an application is not told. `num_cpus` and `resources`: what a replica takes
    of its node; one that takes nothing is no reason for a cluster to keep a node, or to add one.
    """

    model_config = ConfigDict(extra="forbid")

    host: str = "127.0.0.1"
    replicas: int = Field(default=1, ge=1)
    # In place of `replicas`.
    autoscaling: Autoscaling | None = None
    max_replicas_per_node: int | None = Field(default=None, ge=1)
    max_ongoing_requests: int = Field(default=10_000, ge=1)
    num_cpus: float = Field(default=0, ge=0)
    resources: dict[str, float] = Field(default_factory=dict)

    @property
    def most_replicas(self) -> int:
        return self.replicas if self.autoscaling is None else self.autoscaling.max_replicas


def app(args: Any) -> Any:
    """Import path of the Serve configurations: the API as a Serve application.

    `args` come as Serve has them, a plain dict: it converts only what its own reading of the annotation understands.
    """
    settings, asked = Settings(), Args.model_validate(args)
    # Here, so that a deployment fails at once and says why; and again in the replica, which knows the cluster for sure.
    require_shared(settings, cluster.count_nodes())
    require_sign_in(settings, asked.host)
    return application(asked)


def application(args: Args) -> Any:
    """It holds no settings: Serve would store them with it, secrets and all. A replica reads those of its process."""
    from ray import serve

    def make_app() -> FastAPI:
        return _replica_app(args.most_replicas)

    class Api:
        app: FastAPI

        async def check_health(self) -> None:
            await self.app.state.reach.check()

    scale: dict[str, Any] = {"num_replicas": args.replicas}
    if args.autoscaling is not None:
        scale = {"autoscaling_config": args.autoscaling.model_dump()}
    if args.max_replicas_per_node is not None:
        scale["max_replicas_per_node"] = args.max_replicas_per_node
    return _deployment(args, **scale)(serve.ingress(make_app)(Api)).bind()


def _own_application() -> Any:
    """Of `vapora up`: one replica, which listens itself on the settings' host and port."""

    class Api:
        async def __init__(self) -> None:  # type: ignore[misc]  # Serve awaits it
            from vapora.api.http_server import bound_when_free, server_of

            cluster.keep_replica_port_local()
            settings = Settings()
            listener = await bound_when_free(settings.host, settings.port)
            self._app = _replica_app(1)
            self._server = server_of(self._app, settings)
            self._serving = asyncio.create_task(self._server.serve(sockets=[listener]), name="serve")

        async def check_health(self) -> None:
            if self._serving.done():
                raise RuntimeError("Nobody listens any more.")
            await self._app.state.reach.check()

        async def __del__(self) -> None:  # Serve awaits it
            self._server.should_exit = True
            await self._serving

    return _deployment(Args())(Api).bind()


def _deployment(args: Args, **scale: Any) -> Any:
    from ray import serve

    return serve.deployment(
        name="api",
        **scale,
        max_ongoing_requests=args.max_ongoing_requests,
        graceful_shutdown_timeout_s=2,
        graceful_shutdown_wait_loop_s=0.2,
        health_check_period_s=_CHECKED_EVERY_S,
        health_check_timeout_s=_CHECKED_WITHIN_S,
        ray_actor_options={"num_cpus": args.num_cpus, "resources": args.resources},
    )


def _replica_app(replicas: int) -> FastAPI:
    from actors.runtime.ray import HostConfig, RayRuntime

    settings = Settings()
    require_shared(settings, cluster.count_nodes())
    system = ActorSystem(settings, RayRuntime(HostConfig.of(BUILDER, settings)))
    return api(settings, system, replicas, partial(begin, system))


def require_sign_in(settings: Settings, host: str) -> None:
    """`ConfigurationError` where others reach Serve, and nobody would have to say who they are."""
    if is_loopback(host) or (settings.auth == "required" and settings.allowed_hosts):
        return
    raise ConfigurationError(
        f"Serve listens on {host}, where others than this machine reach it.",
        remedy="Set VAPORA_AUTH=required, and VAPORA_ALLOWED_HOSTS to the names by which it is reached.",
    )


async def begin(system: ActorSystemPort) -> None:
    """Have the supervisor run, and the default workspace: a deployment goes on with open work without any request."""
    for pause in _BACKOFF:
        try:
            await system.open(DEFAULT_WORKSPACE)
        except HeldElsewhereError:
            return  # the supervisor runs, and takes it over when it may
        except Exception as error:  # whatever it is, a later try may succeed, and what serves is not to end with it
            structlog.get_logger("api").warning("nothing runs yet", why=str(error))
            await asyncio.sleep(pause)
        else:
            return


def deploy(settings: Settings) -> None:
    """Put the application on the Ray that `vapora up` has started, on the settings' host and port."""
    from ray import serve

    from actors.runtime.ray import HostConfig, RayRuntime

    # Serve sets its own level when it is imported.
    logging.getLogger("ray.serve").setLevel(logging.ERROR)
    # On another host than loopback the settings themselves have everybody sign in.
    require_shared(settings, cluster.count_nodes())
    # The actors' processes come up while Serve's do. Whether this works out, the replica sees to (`begin`).
    RayRuntime(HostConfig.of(BUILDER, settings)).begin(Address("supervisor"), "open", DEFAULT_WORKSPACE)
    serve.start(proxy_location="Disabled", logging_config={"log_level": "ERROR"})
    serve.run(_own_application(), name="vapora", route_prefix=None)


def api(
    settings: Settings,
    system: ActorSystem,
    replicas: int = 1,
    begin: Callable[[], Awaitable[None]] | None = None,
) -> FastAPI:
    """The application over an actor system, in whichever process: in a replica of Serve nobody else sets up the
    journal."""
    # Here, since whoever only deploys it needs none of it.
    from vapora.api.app import create_app

    journal.configure(settings.log_format)
    live.configure(settings.otlp_endpoint, settings.otlp_header_map, settings.trace_ratio, __version__)
    operator_token.ensure(settings.data.absolute())
    rehearsal = is_rehearsal(os.environ, settings.model, installed(settings))
    return create_app(system, settings, __version__, rehearsal, replicas, begin)
