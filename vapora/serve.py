"""The composition root on Ray Serve: the API over the actor system, by `serve_config.yaml` or by `vapora.platform`."""

from __future__ import annotations

import logging
import os
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from actors.composition import BUILDER, ActorSystem, require_one_machine
from actors.runtime import cluster
from vapora import __version__, journal, operator_token
from vapora.api.app import create_app
from vapora.llm.catalogue import installed
from vapora.llm.factory import is_rehearsal
from vapora.observability import live
from vapora.settings import Settings


class Args(BaseModel):
    """Arguments of the Serve application; everything else comes from the environment and `vapora.toml`."""

    replicas: int = 1


def app(args: Any) -> Any:
    """Import path of `serve_config.yaml`: the API as a Serve application.

    `args` come as Serve has them, a plain dict: it converts only what its own reading of the annotation understands.
    """
    return application(Settings(), Args.model_validate(args))


def application(settings: Settings, args: Args) -> Any:
    from ray import serve

    # Here, so that a deployment fails at once and says why; and again in the replica, which knows the cluster for sure.
    require_one_machine(settings, cluster.count_nodes())

    def make_app() -> FastAPI:
        from actors.runtime.ray import HostConfig, RayRuntime

        require_one_machine(settings, cluster.count_nodes())
        runtime = RayRuntime(HostConfig.of(BUILDER, settings))
        return api(settings, ActorSystem(settings, runtime), args.replicas)

    class Api:
        def __init__(self) -> None:
            _keep_replica_port_local()

    deployment = serve.deployment(
        name="api",
        num_replicas=args.replicas,
        max_ongoing_requests=10_000,
        graceful_shutdown_timeout_s=2,
        graceful_shutdown_wait_loop_s=0.2,
        ray_actor_options={"num_cpus": 0},
    )
    return deployment(serve.ingress(make_app)(Api)).bind()


def deploy(settings: Settings) -> None:
    """Put the application on the Ray that this process is connected to, on the settings' host and port."""
    from ray import serve
    from ray.serve.config import HTTPOptions

    # Serve sets its own level when it is imported.
    logging.getLogger("ray.serve").setLevel(logging.ERROR)
    certificate, key = map(str, settings.tls_files) if settings.tls_files else (None, None)
    options = HTTPOptions(host=settings.host, port=settings.port, ssl_keyfile=key, ssl_certfile=certificate)
    serve.start(http_options=options, proxy_location="HeadOnly", logging_config={"log_level": "ERROR"})
    serve.run(application(settings, Args()), name="vapora", route_prefix="/")


def api(settings: Settings, system: ActorSystem, replicas: int = 1) -> FastAPI:
    """The application over an actor system, in whichever process: in a replica of Serve nobody else sets up the
    journal."""
    journal.configure(settings.log_format)
    live.configure(settings.otlp_endpoint, settings.otlp_header_map, settings.trace_ratio, __version__)
    operator_token.ensure(settings.data.absolute())
    rehearsal = is_rehearsal(os.environ, settings.model, installed(settings))
    return create_app(system, settings, __version__, rehearsal, replicas)


def _keep_replica_port_local() -> None:
    """A replica's own gRPC port, which Serve opens on all interfaces and offers no option for.

    It is guarded by Ray's token in any case; this closes it as well. It is opened after the deployment's constructor.
    """
    from ray.serve._private import replica

    original = getattr(replica, "add_port_to_grpc_server", None)
    if original is not None:
        replica.add_port_to_grpc_server = lambda server, address: original(
            server, address.replace("[::]:", "127.0.0.1:")
        )
