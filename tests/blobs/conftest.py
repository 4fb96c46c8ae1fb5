"""A real S3 API on loopback, and the two kinds of stores."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from vapora.blobs import Blobs, open_blobs

KEY, SECRET = "AKIAEXAMPLEKEYID", "example-secret-key"


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """Its address."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def environment(s3: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    return s3


@pytest.fixture
def bucket(environment: str) -> str:
    name = f"bucket-{uuid4().hex[:12]}"
    assert httpx.put(f"{environment}/{name}", timeout=60).status_code == 200
    return name


@pytest.fixture(params=["folder", "s3"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Blobs]:
    """The store of a workspace; called again, another client of the same."""
    url = f"s3://{request.getfixturevalue('bucket')}/some/prefix" if request.param == "s3" else ""

    def opened(workspace: str = "acme") -> Blobs:
        return open_blobs(url, tmp_path / workspace / "blobs", workspace)

    return opened


@pytest.fixture
def refusing() -> Iterator[str]:
    """A store that refuses everything and, as some do, repeats the key that it was sent."""

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        start("403 Forbidden", [("Content-Type", "application/xml")])
        said = f"<Error><Code>InvalidAccessKeyId</Code><AWSAccessKeyId>{KEY}</AWSAccessKeyId>{SECRET}</Error>"
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [said.encode()]

    server = make_server("127.0.0.1", 0, answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
