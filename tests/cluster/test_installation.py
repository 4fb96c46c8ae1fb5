"""The commands as a person runs them: `vapora demo`, Ctrl-C in the middle, and `vapora up` that goes on."""

from __future__ import annotations

import ipaddress
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil
import pytest

from actors.runtime import cluster
from events.run import ModelCalled, RunStarted, RunSucceeded
from events.task import TaskApproved, TaskCompleted, TaskLanded, TaskSubmitted
from tests.at_once import roles_at_once
from tests.cluster.site import FAIR, assert_sound, read_log
from tests.ports import free_port
from tests.waiting import wait_for
from vapora.catalog import ROLE_IDS
from vapora.commands import CreateProject
from vapora.sdk import ApiError, Client, NoServerError
from vapora.testing import FakeVendors

pytestmark = [pytest.mark.ray, pytest.mark.timeout(900)]

STOPS_IN_S = 60
_KEYS = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "OLLAMA_HOST")


@pytest.fixture
def data() -> Iterator[Path]:
    # Short: Ray's sockets lie below it.
    with tempfile.TemporaryDirectory(prefix="v") as folder:
        yield Path(folder)


# Where a test says nothing of processes: a third of those to start.
PACKED = {"VAPORA_PLACEMENT": "packed"}


def environment() -> dict[str, str]:
    """As on a fresh machine: no provider, nothing of the tests' own Ray."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _KEYS and not name.startswith(("RAY_", "VAPORA_"))
    }
    return kept | FAIR


def hear_interrupts() -> None:
    """In the child: whoever runs the tests in the background may have Ctrl-C ignored, which children inherit."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "vapora", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment() | dict(env or {}),
        start_new_session=True,
        preexec_fn=hear_interrupts,
    )


def processes_of(data: Path) -> list[psutil.Process]:
    """Everything that belongs to the installation: all of its processes inherit where its token is."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("RAY_AUTH_TOKEN_PATH") == str(data / "ray_auth_token"):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def interrupt(process: subprocess.Popen[str] | subprocess.Popen[bytes], data: Path) -> tuple[int, float]:
    """Ctrl-C as a terminal sends it, to the whole group; the exit code and how many seconds the end took."""
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    process.wait(STOPS_IN_S * 2)
    took = time.monotonic() - began
    wait_for("no process left", lambda: not processes_of(data))
    return process.returncode, took


def listening(processes: Sequence[psutil.Process]) -> set[tuple[str, int]]:
    return {
        (one.laddr.ip, one.laddr.port)
        for process in processes
        for one in process.net_connections("inet")
        if one.status == psutil.CONN_LISTEN
    }


def is_loopback(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback


def test_the_demo_ends_with_every_card_done_by_all_twelve_roles_and_work_in_the_repository(data: Path) -> None:
    process = start("demo", "--data", str(data), "--port", str(free_port()), "--json")
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    assert json.loads(out)
    log = read_log(data / "workspaces" / "default" / "log.db")
    assert_sound(log)
    submitted = {one.event.task_id for one in log if isinstance(one.event, TaskSubmitted)}
    assert len(submitted) >= 17
    assert {one.event.task_id for one in log if isinstance(one.event, TaskCompleted | TaskApproved)} == submitted
    assert {one.event.role for one in log if isinstance(one.event, RunStarted)} == set(ROLE_IDS)
    assert roles_at_once(one.event for one in log) >= 6
    assert all(one.event.simulated for one in log if isinstance(one.event, RunSucceeded))
    landed = {one.event.oid for one in log if isinstance(one.event, TaskLanded)}
    assert len(landed) >= 10
    git = ["git", "-C", str(data / "shortleaf")]
    main = subprocess.run([*git, "rev-list", "main"], capture_output=True, text=True, check=True).stdout.split()
    assert landed <= set(main)
    status = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=True)
    assert status.stdout == ""
    assert not processes_of(data)


def test_an_interrupted_demo_leaves_nothing_behind_and_up_goes_on_with_it(data: Path) -> None:
    path = data / "workspaces" / "default" / "log.db"
    demo = start("demo", "--data", str(data), "--port", str(free_port()), env=PACKED)
    wait_for("work in the log", lambda: path.exists() and _count(path, RunSucceeded) >= 3)
    code, took = interrupt(demo, data)
    assert code == 130
    assert took < STOPS_IN_S
    assert_sound(read_log(path))

    port = free_port()
    up = start("up", "--data", str(data), "--port", str(port), env=PACKED)
    with Client(f"http://127.0.0.1:{port}") as client:
        wait_for("up is ready", lambda: _ready(client))
        second = subprocess.run(
            [sys.executable, "-m", "vapora", "up", "--data", str(data), "--port", str(free_port())],
            env=environment(), capture_output=True, text=True, timeout=240,
        )  # fmt: skip
        assert second.returncode != 0
        assert "in use" in second.stderr
        tasks = {one.event.task_id for one in read_log(path) if isinstance(one.event, TaskSubmitted)}
        wait_for("the rest done", lambda: {card.id for card in client.board().columns["done"]} == tasks)
        sockets = listening(processes_of(data))
    assert ("127.0.0.1", port) in sockets
    assert [one for one in sockets if not is_loopback(one[0])] == []
    code, took = interrupt(up, data)
    assert code == 0
    assert took < STOPS_IN_S
    assert_sound(read_log(path))


def test_a_clean_stop_waits_for_answers_that_are_on_their_way(data: Path) -> None:
    """Their money is spent: a Ctrl-C does not throw them away."""
    port = free_port()
    path = data / "workspaces" / "default" / "log.db"
    with FakeVendors() as vendors, Client(f"http://127.0.0.1:{port}") as client:
        up = start("up", "--data", str(data), "--port", str(port), env=vendors.environ() | PACKED)
        wait_for("up is ready", lambda: _ready(client))
        project = client.create_project(CreateProject(name="Stopped")).id
        with vendors.hold() as gate:
            for number in range(2):
                client.submit_task({"project_id": project, "title": f"Under way {number}", "role": "developer"})
            gate.wait_for(2)
            os.killpg(up.pid, signal.SIGINT)
            wait_for("no more requests are taken", lambda: not _ready(client))
        assert up.wait(STOPS_IN_S * 2) == 0
        wait_for("no process left", lambda: not processes_of(data))
        log = read_log(path)
        # The runs may have gone on for a step before it was their turn to stop: that answer is waited for as well.
        assert sum(isinstance(one.event, ModelCalled) for one in log) == len(vendors.ledger.bills) >= 2
        assert_sound(log)


def test_a_host_that_others_could_reach_is_refused(data: Path) -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "vapora", "up", "--host", "0.0.0.0", "--data", str(data)],
        env=environment(), capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert refused.returncode != 0
    assert "127.0.0.1" in refused.stderr


def _count(path: Path, kind: type) -> int:
    return sum(isinstance(one.event, kind) for one in read_log(path))


def _ready(client: Client) -> bool:
    try:
        return client.health().status == "ok"
    except (NoServerError, ApiError):  # Serve answers 404 before the application is there
        return False


def test_serve_config_starts_it_too(data: Path) -> None:
    port = free_port()
    config = data / "serve_config.yaml"
    shipped = (Path(__file__).parents[2] / "serve_config.yaml").read_text()
    config.write_text(shipped.replace("port: 8000", f"port: {port}"))
    env = environment() | PACKED | {"VAPORA_DATA": str(data)}
    cluster.prepare_environment(data, env)
    served = subprocess.Popen(
        [str(Path(sys.executable).parent / "serve"), "run", str(config)],
        env=env, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=hear_interrupts,
    )  # fmt: skip
    with Client(f"http://127.0.0.1:{port}") as client:
        wait_for("serve run is ready", lambda: _ready(client))
        assert len(client.agents()) == len(ROLE_IDS)
    code, _ = interrupt(served, data)
    assert code is not None
