"""A real Prometheus, as Debian packages it, that scrapes one server."""

from __future__ import annotations

import os
import shutil
import subprocess
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import debian
from tests.ports import free_port
from tests.waiting import wait_for

_CONFIG = """
global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}
scrape_configs:
  - job_name: vapora
    static_configs: [{{targets: ["{target}"]}}]
"""


def require() -> None:
    """In CI it is installed; elsewhere its absence is said."""
    debian.install("prometheus")
    if shutil.which("prometheus") and shutil.which("promtool"):
        return
    missing = "There is no Prometheus on this machine (Debian: apt install prometheus)."
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


class Prometheus:
    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=120)

    def ready(self) -> bool:
        try:
            return self._http.get("/-/ready").status_code == 200
        except httpx.TransportError:
            return False

    def ask(self, expr: str) -> list[dict[str, Any]]:
        """The result of an expression; fails where Prometheus cannot read it."""
        answer = self._http.get("/api/v1/query", params={"query": expr}).json()
        assert answer["status"] == "success", f"{expr}: {answer.get('error')}"
        result = answer["data"]["result"]
        return [result] if answer["data"]["resultType"] == "scalar" else list(result)

    def close(self) -> None:
        self._http.close()


@contextmanager
def scraping(url: str, folder: Path) -> Iterator[Prometheus]:
    require()
    (folder / "prometheus.yml").write_text(_CONFIG.format(target=urllib.parse.urlsplit(url).netloc))
    port = free_port()
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    prometheus = Prometheus(f"http://127.0.0.1:{port}")
    try:
        wait_for("Prometheus", prometheus.ready)
        yield prometheus
    finally:
        prometheus.close()
        process.terminate()
        process.wait(30)
