"""The small application behind Ray Serve, or in plain uvicorn, for `benchmarks.ingress`."""

from __future__ import annotations

import asyncio
import signal
import sys

import ray

from benchmarks.sides.small_app import make_app


def main(side: str, port: int, folder: str) -> None:
    if side == "uvicorn":
        import uvicorn

        uvicorn.run(make_app(), host="127.0.0.1", port=port, log_level="error", access_log=False)
        return
    from ray import serve
    from ray.serve.config import HTTPOptions

    ray.init(include_dashboard=False, object_store_memory=80_000_000, logging_level="ERROR", _temp_dir=folder)

    class Small:
        async def __init__(self) -> None:  # type: ignore[misc]
            if side == "replica":
                import uvicorn

                config = uvicorn.Config(make_app(), host="127.0.0.1", port=port, log_level="error", access_log=False)
                self._serving = asyncio.create_task(uvicorn.Server(config).serve())

    deployment = serve.deployment(ray_actor_options={"num_cpus": 0}, max_ongoing_requests=1_000)
    options = HTTPOptions(host="127.0.0.1", port=port)
    where = "Disabled" if side == "replica" else "HeadOnly"
    serve.start(http_options=options, proxy_location=where, logging_config={"log_level": "ERROR"})
    app = deployment(Small if side == "replica" else serve.ingress(make_app)(Small)).bind()
    serve.run(app, route_prefix=None if side == "replica" else "/")
    signal.sigwait({signal.SIGTERM})
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
