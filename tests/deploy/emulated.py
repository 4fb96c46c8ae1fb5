"""A Kubernetes API in a thread of this process: kmock's emulator over HTTP, with what it leaves out and a deployment
needs. Objects that are applied are made where they are not there, they have a generation, and controllers answer.

What it does not do: ownership of fields, defaults, validation. Those are only in a real cluster.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp.web
import kmock

from vapora.deploy.workflow import Manifest, key

# What operators bring; kmock knows the kinds of Kubernetes itself.
_BROUGHT = {
    "ray.io/v1/rayservices": "RayService",
    "bitnami.com/v1alpha1/sealedsecrets": "SealedSecret",
}
_CONFIG = """\
apiVersion: v1
kind: Config
current-context: {name}
clusters: [{{name: {name}, cluster: {{server: "{url}"}}}}]
contexts: [{{name: {name}, context: {{cluster: {name}, user: {name}, namespace: vapora}}}}]
users: [{{name: {name}, user: {{token: planted-token}}}}]
"""


class Emulator(kmock.KubernetesEmulator):
    """`answers`: what a controller says of an object of a kind, by the kind; `before`: called with the name of an
    object before it changes, in a thread of its own, so that it may wait or stop the world; `says`: the last words of
    the pods of jobs."""

    answers: dict[str, Callable[[Manifest], dict[str, Any]]]
    says: str
    before: Callable[[str], None]
    changed: list[str]

    async def _handle(self, request: kmock.Request) -> aiohttp.web.StreamResponse:
        if request.resource is not None and request.resource.plural is None and request.namespace:
            return self._namespace(request)
        if request.method not in ("PATCH", "POST", "DELETE") or request.resource is None:
            return await super()._handle(request)
        given: Any = request.data or {}
        kind = given.get("kind", "")
        name: str = request.name or given["metadata"]["name"]
        await asyncio.to_thread(self.before, f"{kind or request.resource.plural}/{name}")
        at = (request.resource, request.namespace, name)
        there = self.objects[at] if at in self.objects and not self.objects[at].deleted else None
        if request.method == "PATCH":
            assert request.headers["Content-Type"] == "application/apply-patch+yaml"
            assert request.params["fieldManager"] == "vapora-deploy"
            if there is None:
                self.objects[at] = {}
        answer = await super()._handle(request)
        if request.method == "DELETE":
            self.changed.append(f"-{request.resource.plural}/{name}")
        else:
            self.changed.append(f"{kind}/{name}")
            self.settle(self.objects[at])
            if kind == "Job" and request.method == "POST":
                self._pod(self.objects[at].raw)
        return answer

    def _pod(self, job: Manifest) -> None:
        """That a job has run, and its end."""
        namespace, name = job["metadata"]["namespace"], f"{job['metadata']['name']}-x"
        labels = {"batch.kubernetes.io/job-name": job["metadata"]["name"]}
        ended = {"name": "backup", "state": {"terminated": {"exitCode": 0, "message": self.says}}}
        self.objects[kmock.resource("v1/pods"), namespace, name] = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "status": {"phase": "Succeeded", "containerStatuses": [ended]},
        }

    def _namespace(self, request: kmock.Request) -> aiohttp.web.StreamResponse:
        """kmock takes the address of a namespace for that of what is in it."""
        at = (kmock.resource("v1/namespaces"), None, request.namespace or "")
        there = at in self.objects and not self.objects[at].deleted
        if request.method == "PATCH":
            if not there:
                self.objects[at] = {}
            self.objects[at].patch(request.data)
            self.changed.append(f"Namespace/{request.namespace}")
        elif not there:
            return aiohttp.web.json_response({"kind": "Status", "message": "not found"}, status=404)
        elif request.method == "DELETE":
            self.objects[at].delete()
        return aiohttp.web.json_response(self.objects[at].last.raw)

    def settle(self, one: kmock.Object) -> None:
        """What a controller does once it has seen the newest form."""
        generation = one.raw["metadata"].get("generation", 0) + 1
        answer = self.answers.get(one.raw["kind"])
        told = answer(one.raw) if answer else {}
        one.patch({"metadata": {"generation": generation}, "status": told | {"observedGeneration": generation}})


def _well(kind: str) -> Callable[[Manifest], dict[str, Any]]:
    def conditions(**those: str) -> dict[str, Any]:
        return {"conditions": [{"type": name, "status": value} for name, value in those.items()]}

    return {
        "RayService": lambda _: conditions(Ready="True", UpgradeInProgress="False"),
        "SealedSecret": lambda _: conditions(Synced="True"),
        "Job": lambda _: conditions(Complete="True"),
        "StatefulSet": lambda one: {"readyReplicas": one["spec"].get("replicas", 1)},
        "Deployment": lambda one: {"readyReplicas": one["spec"].get("replicas", 1)},
    }[kind]


# As `vapora backup --check --json` writes it.
SAVED = '{"place": "s3://vapora/backups/now", "proved": true, "workspaces": 2, "events": 40, "files": 9}'
KINDS = ("RayService", "SealedSecret", "Job", "StatefulSet", "Deployment")


class Cluster:
    """For tests, which are not in the emulator's loop."""

    def __init__(self, emulator: Emulator, loop: asyncio.AbstractEventLoop, config: Path) -> None:
        self._emulator, self._loop = emulator, loop
        self.config = config

    def behave(self, **answers: Callable[[Manifest], dict[str, Any]]) -> None:
        """As if all were well, but for these kinds."""
        self._emulator.answers = {kind: _well(kind) for kind in KINDS} | answers

    def jobs_say(self, words: str) -> None:
        self._emulator.says = words

    def before(self, called: Callable[[str], None]) -> None:
        self._emulator.before = called

    def changed(self) -> list[str]:
        """What was changed since this was last asked, in order."""
        taken, self._emulator.changed = self._emulator.changed, []
        return taken

    def object(self, name: str) -> Manifest | None:
        """By its name, as in `RayService/vapora`."""
        return next((one for one in self.objects() if key(one).removeprefix("vapora/") == name), None)

    def objects(self) -> list[Manifest]:
        return [one.raw for one in self._emulator.objects.values() if not one.deleted]

    def patch(self, name: str, change: dict[str, Any]) -> None:
        """What somebody does with another program."""
        found = next(
            one
            for one in self._emulator.objects.values()
            if not one.deleted and key(one.raw).removeprefix("vapora/") == name
        )

        async def do() -> None:
            found.patch(change)

        asyncio.run_coroutine_threadsafe(do(), self._loop).result(30)


@contextmanager
def running(folder: Path, name: str = "emulated") -> Iterator[Cluster]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="kubernetes", daemon=True)
    thread.start()
    started: asyncio.Queue[tuple[Emulator, str]] = asyncio.Queue()
    end = asyncio.Event()

    async def serve() -> None:
        emulator = Emulator()
        emulator.answers, emulator.changed, emulator.before = {}, [], lambda name: None
        emulator.says = SAVED
        emulator.resources.load_bundled()
        for place, kind in _BROUGHT.items():
            emulator.resources[place] = kmock.ResourceInfo(kind=kind, namespaced=True, verbs={"get", "patch", "delete"})
        async with emulator, kmock.Server(emulator) as server:
            await started.put((emulator, str(server.url)))
            await end.wait()

    serving = asyncio.run_coroutine_threadsafe(serve(), loop)
    try:
        emulator, url = asyncio.run_coroutine_threadsafe(started.get(), loop).result(60)
        config = folder / "kubeconfig"
        config.write_text(_CONFIG.format(url=url.rstrip("/"), name=name))
        cluster = Cluster(emulator, loop, config)
        cluster.behave()
        yield cluster
    finally:
        loop.call_soon_threadsafe(end.set)
        serving.result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()
