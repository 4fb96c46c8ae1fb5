"""Ray alone, or Ray and Serve with an application that does nothing: what VAPORA on Ray is measured against."""

from __future__ import annotations

import signal
import sys

import ray


def main(side: str, port: int, folder: str) -> None:
    ray.init(include_dashboard=True, object_store_memory=80_000_000, logging_level="ERROR", _temp_dir=folder)
    if side == "serve":
        from fastapi import FastAPI
        from ray import serve
        from ray.serve.config import HTTPOptions

        app = FastAPI()

        @app.get("/health")
        def health() -> str:
            return "ok"

        @serve.deployment(ray_actor_options={"num_cpus": 0})
        @serve.ingress(app)
        class Empty:
            pass

        serve.start(http_options=HTTPOptions(host="127.0.0.1", port=port), proxy_location="HeadOnly")
        serve.run(Empty.bind(), route_prefix="/")  # type: ignore[attr-defined]
    print("ready", flush=True)
    signal.sigwait({signal.SIGTERM})
    ray.shutdown()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
