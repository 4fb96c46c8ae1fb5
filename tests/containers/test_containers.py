"""The image, composed as compose.yaml says: what it may, that it works, and that work on VAPORA itself takes effect."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import rounds, sources
from tests.containers import site as containers
from tests.containers.site import ROOT, Site

pytestmark = [pytest.mark.containers, pytest.mark.timeout(1200)]

_WORK = """
from pathlib import Path
import time
from vapora import ApiError, Client, commands

def ready(client):
    try:
        return client.health().status == "ok"
    except ApiError:
        return False

with Client("http://127.0.0.1:8000") as client:
    # Healthy is not ready: the workspace is being opened still.
    while not ready(client):
        time.sleep(0.5)
    client.log_in("owner@example.com", Path("/run/secrets/vapora/owner_password").read_text().strip())
    project = client.create_project(commands.CreateProject(name="containers"))
    task = client.submit_task({"title": "Say that it works", "project_id": project.id, "review": "none"})
    print(client.wait(task.task_id, timeout=180).state.value)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    containers.require()
    folder = tmp_path_factory.mktemp("containers")
    # As `make` leaves them: the image takes pages that are made of the same sources.
    subprocess.run([sys.executable, "hatch_build.py"], cwd=ROOT, check=True)
    with containers.running(folder) as made:
        made.build(containers.image(), ROOT)
        containers.make_services(made, folder)
        yield made


@pytest.fixture(scope="module")
def composed(site: Site) -> Iterator[str]:
    """The container of VAPORA, healthy, with its services."""
    # podman does not wait for `service_completed_successfully`.
    site.compose("composed", "run", "--rm", "keys")
    site.compose("composed", "up", "-d", "postgres", "nats", "redis")
    for service in ("postgres", "nats", "redis"):
        site.wait_healthy(f"composed_{service}_1")
    site.compose("composed", "up", "-d", "vapora")
    site.wait_healthy("composed_vapora_1")
    yield "composed_vapora_1"
    site.compose("composed", "down", "--volumes")


def test_a_task_is_done_in_it(site: Site, composed: str) -> None:
    assert site.podman("exec", "-i", composed, "python", "-", text=_WORK) == "done"
    # By way of the queue, and into the database that is composed with it.
    streams = site.podman(
        "exec", "composed_nats_1", "wget", "-q", "-O", "-", "http://127.0.0.1:8222/jsz?accounts=true&streams=true"
    )
    assert "VAPORA_EVENTS_default" in streams
    assert site.podman("exec", composed, "sh", "-c", "ls $VAPORA_DATA/workspaces/*/log.db 2>/dev/null || true") == ""


def test_it_may_nothing_that_it_does_not_need(site: Site, composed: str) -> None:
    def inside(command: str) -> str:
        return site.podman("exec", composed, "sh", "-c", command)

    assert inside("id -u; id -g") == "10001\n10001"
    assert inside("touch /here 2>&1 || true").endswith("Read-only file system")
    assert inside("touch /opt/vapora/here 2>&1 || true").endswith("Read-only file system")
    status = dict(line.split(":\t", 1) for line in inside("cat /proc/self/status").splitlines() if ":\t" in line)
    assert {int(status[one], 16) for one in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {0}
    assert status["NoNewPrivs"] == "1"
    assert inside("command -v pip gcc || true") == ""
    # Secrets come in files; no variable holds one.
    environ = inside("env")
    for secret in inside("cat /run/secrets/vapora/owner_password /run/secrets/vapora/nats_password").split():
        assert secret not in environ


def test_no_secret_is_in_the_image(site: Site) -> None:
    history = site.run("buildah", "inspect", "--type", "image", containers.image()).stdout
    assert "password" not in history.lower()
    assert "/etc/pip.conf" not in history


def test_what_it_is_follows_from_its_arguments(site: Site) -> None:
    def said(*arguments: str) -> str:
        done = site.run("podman", "run", "--rm", "--read-only", "--tmpfs", "/tmp", *arguments, check=False)
        return f"{done.returncode}: {done.stdout}{done.stderr}"

    name = containers.image()
    assert said(name, "--version").startswith("0: 0.1.0")
    assert said(name, "ray", "--version").startswith("0: ray, version 2.")
    # A cluster that everybody could give orders to is not begun.
    for role in ("head", "worker"):
        assert said(name, role).startswith("2: ")
        assert "RAY_AUTH_MODE=token" in said(name, role)
    assert "VAPORA_HEAD=host:port" in said("--env", "RAY_AUTH_MODE=token", "--env", "RAY_AUTH_TOKEN=x", name, "worker")


def test_it_stops_in_good_order_and_goes_on(site: Site, composed: str) -> None:
    site.podman("stop", "--time", "60", composed)
    assert site.podman("inspect", "--format", "{{.State.ExitCode}}", composed) == "0", site.logs(composed)
    site.podman("start", composed)
    site.wait_healthy(composed)
    assert "done" in site.podman("exec", "-i", composed, "python", "-", text=_WORK)


@pytest.mark.skipif(not rounds.DEVELOPMENT_IMAGE, reason="The sample of `make test` builds one image.")
def test_a_changed_file_takes_effect(site: Site, tmp_path: Path) -> None:
    source = _copy(tmp_path / "source")
    site.build("localhost/vapora:development", ROOT, "--target", "development")
    run = ["--detach", "--name", "development", "--user", "0:0", "--volume", f"{source}:/src"]
    site.podman("run", *run, "--env", "VAPORA_PORT=8100", "--env", "VAPORA_NATS_URL=", "localhost/vapora:development")

    def ask(path: str) -> str:
        return site.podman("exec", "development", "python", "-c", _ASK.format(path=path), check=False)

    def why() -> str:
        return site.logs("development")

    site.wait_for(lambda: '"0.1.0"' in ask("/healthz"), why)

    changed = source / "vapora" / "__init__.py"
    changed.write_text(changed.read_text().replace('__version__ = "0.1.0"', '__version__ = "0.1.0+changed"'))
    site.wait_for(lambda: '"0.1.0+changed"' in ask("/healthz"), why)

    page = source / "vapora" / "web" / "index.html"
    page.write_text(page.read_text().replace("<title>", "<title>Changed "))
    site.wait_for(lambda: "<title>Changed " in ask("/"), why)


_ASK = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:8100{path}', timeout=5).read().decode())"


def _copy(folder: Path) -> Path:
    """The sources as they are here, with the packages that pages are built from."""
    sources.copied(folder)
    subprocess.run(["cp", "-al", ROOT / "vapora/web/node_modules", folder / "vapora/web/node_modules"], check=True)
    return folder
