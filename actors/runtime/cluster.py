"""A Ray of one's own on this machine: how it is started so that only this machine reaches it, and how it ends.

What cannot be said by a parameter is said by environment variables, which must be set before `ray` is imported and
which all of its processes inherit.
"""

from __future__ import annotations

import atexit
import logging
import os
import secrets
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from vapora.errors import ConfigurationError

# The smallest that Ray accepts: we send small messages only.
_OBJECT_STORE_BYTES = 80_000_000
# Ray's plasma socket lies below its folder, and a socket's path has at most 107 bytes.
_LONGEST_FOLDER_BYTES = 43
_SERVE_STOPS_IN_S = 4.0
_HELPERS_END_IN_S = 4.0
_KILLED_WITHIN_S = 5.0
_PILLARS = ("gcs_server", "raylet")


def prepare_environment(data: Path, environ: MutableMapping[str, str]) -> None:
    """Token authentication with a token of this installation, loopback only, nothing sent to anybody.

    Raises `ConfigurationError` where `ray` was imported into this process without these: it would not see them now.
    """
    if environ is os.environ and "ray" in sys.modules and environ.get("RAY_AUTH_MODE") != "token":
        raise ConfigurationError(
            "Ray was imported before VAPORA could make it listen on this machine only.",
            remedy="Start VAPORA first, or in a process of its own.",
        )
    token = _token(data)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    except FileExistsError:
        token.chmod(0o600)
    environ.pop("RAY_AUTH_TOKEN", None)  # it would win over the file
    environ.update(
        RAY_AUTH_MODE="token",
        RAY_AUTH_TOKEN_PATH=str(token),
        RAY_USAGE_STATS_ENABLED="0",
        # Ray takes the machine's outward address on Linux, whatever node address it is given; where it thinks that
        # clusters are not supported it stays on loopback with every one of its ports.
        RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0",
        # HAProxy mode opens replica ports on all interfaces.
        RAY_SERVE_ENABLE_HA_PROXY="0",
        # Whichever are free: two installations on one machine must not meet.
        AUTOSCALER_METRIC_PORT="0",
        DASHBOARD_METRIC_PORT="0",
    )


def start(data: Path, *, dashboard: bool, handed: Mapping[str, str] | None = None) -> str | None:
    """Start Ray in this process; the dashboard's address if there is one. To be called in the main thread: Ray's
    processes die with the thread that started them. `handed`: variables that its processes have beside this one's; Ray
    itself is not told, since it would store them."""
    with _variables(handed or {}):
        return _start(data, dashboard=dashboard)


@contextmanager
def _variables(handed: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in handed}
    os.environ.update(handed)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _start(data: Path, *, dashboard: bool) -> str | None:
    import ray._private.worker as worker

    # Raylet messages come past Ray's own switches for silence.
    worker.print_to_stdstream = _to_journal
    _set_what_init_has_no_parameters_for()
    try:
        context = _init(data, dashboard=dashboard)
    except Exception as error:
        # It gives its own processes 30 s, which on a busy machine may be too little while their code is not yet in
        # memory; the second time it is.
        logging.getLogger("ray").warning("Ray did not start, and is tried once more: %s", error)
        kill(data)
        context = _init(data, dashboard=dashboard)
    return context.dashboard_url or None


def _init(data: Path, *, dashboard: bool) -> Any:
    import ray

    return ray.init(
        address="local",
        namespace="vapora",
        include_dashboard=dashboard,
        dashboard_host="127.0.0.1",
        object_store_memory=_OBJECT_STORE_BYTES,
        log_to_driver=False,
        logging_level=logging.ERROR,
        _temp_dir=str(_folder(data)),
    )


def _set_what_init_has_no_parameters_for() -> None:
    """The HTTP port of Ray's agent on each node, 52365 for all: the agent of a second Ray on the machine would not get
    it. And two processes that have nothing to do here: no autoscaler adds machines, and nobody is sent the workers'
    output."""
    from ray._private import parameter

    class Parameters(parameter.RayParams):  # type: ignore[misc]
        def __init__(self, *args: Any, **given: Any) -> None:
            ours = {"dashboard_agent_listen_port": 0, "no_monitor": True, "include_log_monitor": False}
            super().__init__(*args, **{**ours, **given})

    if parameter.RayParams.__name__ != Parameters.__name__:
        parameter.RayParams = Parameters


def keep_replica_port_local() -> None:
    """A replica's own gRPC port, which Serve opens on all interfaces and offers no option for. To be called in the
    replica, before it is opened: in its deployment's constructor.

    It is guarded by Ray's token in any case; this closes it as well. On several nodes others must reach it.
    """
    from ray.serve._private import replica

    original = replica.add_port_to_grpc_server
    replica.add_port_to_grpc_server = lambda server, address: original(server, address.replace("[::]:", "127.0.0.1:"))


def cluster_id() -> str:
    """Which Ray this process belongs to; empty: to none. It stays where the control store survives the head's end.

    Its session's name, which Ray offers, does not."""
    if "ray" not in sys.modules:
        return ""
    import ray

    return str(ray._private.worker.global_worker.node.cluster_id.hex()) if ray.is_initialized() else ""


def name_on_this_machine(data: Path) -> str:
    """Of the one installation that the data folder has."""
    return f"{socket.gethostname()}:{data.absolute()}"


def pillars(data: Path) -> list[tuple[int, str]]:
    """Id and name of the processes without which the Ray that `start` started here does nothing more."""
    _processes_of(data)
    return [(one.pid, one.name()) for one in psutil.Process().children() if one.name() in _PILLARS]


def is_alive(pid: int) -> bool:
    """Of a child of ours: nobody else's process gets its id before we have taken leave of it."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def count_nodes() -> int:
    """Those alive in the cluster that this process belongs to; 1 where it belongs to none."""
    if "ray" not in sys.modules:
        return 1
    import ray

    return sum(bool(node["Alive"]) for node in ray.nodes()) if ray.is_initialized() else 1


def stop_serve() -> None:
    """Take no more requests. Bounded: where Serve hangs, Ray's own end takes it along."""
    from ray import serve

    thread = threading.Thread(target=serve.shutdown, daemon=True)
    thread.start()
    thread.join(_SERVE_STOPS_IN_S)


def stop(data: Path) -> None:
    """End Ray with all of its processes."""
    import ray

    ray.shutdown()
    # The dashboard's helpers outlive it by some seconds.
    psutil.wait_procs(_processes_of(data), timeout=_HELPERS_END_IN_S)
    kill(data)


def disown() -> None:
    """Have nothing said to Ray when this process ends, with code 1 then: of a Ray that is dead that would take half a
    minute, and end in a segmentation fault."""

    def end() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)

    # The last one registered is the first one called.
    atexit.register(end)


def kill(data: Path) -> None:
    """End at once whatever was started for this data folder, now or before a crash, and what that starts meanwhile."""
    deadline = time.monotonic() + _KILLED_WITHIN_S
    while (found := _processes_of(data)) and time.monotonic() < deadline:
        for process in found:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(found, timeout=1)
    _family.clear()
    _remove_link()


# What has been seen of it. Ray's agents write their names over their environment, and their parent may be gone.
_family: set[psutil.Process] = set()


def _processes_of(data: Path) -> list[psutil.Process]:
    """What was started for this data folder, apart from ourselves: all of it inherits where the token is, or comes from
    who did."""
    token = str(_token(data))
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.pid != os.getpid() and process.environ().get("RAY_AUTH_TOKEN_PATH") == token:
                _family.update((process, *process.children(recursive=True)))
    return [one for one in _family if one.is_running() and is_alive(one.pid)]


def _token(data: Path) -> Path:
    return data.absolute() / "ray_auth_token"


def _folder(data: Path) -> Path:
    """Where Ray keeps its sockets and logs: in the data folder, or behind a short link to it where that is too deep.

    Old sessions are removed: Ray never does.
    """
    folder = data.absolute() / "ray"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for session in folder.glob("session_*"):
        if session.is_symlink():
            session.unlink()
        else:
            shutil.rmtree(session, ignore_errors=True)
    if len(os.fsencode(folder)) <= _LONGEST_FOLDER_BYTES:
        return folder
    link = Path(tempfile.mkdtemp(prefix="vapora-")) / "r"
    link.symlink_to(folder)
    _links.append(link)
    return link


# Those that this process made.
_links: list[Path] = []


def _remove_link() -> None:
    while _links:
        link = _links.pop()
        with suppress(OSError):
            link.unlink()
            link.parent.rmdir()


def _to_journal(data: dict[str, object], *_: object, **__: object) -> None:
    lines = data.get("lines")
    logging.getLogger("ray").debug("%s", " ".join(map(str, lines)) if isinstance(lines, list) else data)
