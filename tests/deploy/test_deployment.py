"""`vapora deploy` against an emulated Kubernetes, over HTTP: plan, apply, interruptions, failures, drift, rollback."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.deploy import emulated
from vapora.deploy import render
from vapora.deploy import workflow as flows
from vapora.deploy.cluster import Cluster
from vapora.deploy.difference import changes
from vapora.deploy.environment import generation
from vapora.deploy.runner import Deployment, Standing
from vapora.deploy.state import Revision, Store
from vapora.errors import ConfigurationError, ConflictError, UnavailableError, VaporaError

T = TypeVar("T")
ROOT = Path(__file__).parent.parent.parent
_PATIENCE_S = 240
_NEW: dict[str, Any] = {"image": "registry.vapora.test/vapora:2", "generation": 2}


@dataclass
class Site:
    project: Path
    state: Path
    cluster: emulated.Cluster
    said: list[str]

    def apply(
        self,
        workflow: str = "deploy",
        options: Mapping[str, Any] | None = None,
        done: Sequence[str] = (),
        overwrite: bool = False,
        with_data: bool = False,
    ) -> Revision:
        return self._do(lambda one: one.apply(workflow, options or {}, done, overwrite=overwrite, with_data=with_data))

    def _do(self, what: Callable[[Deployment], T]) -> T:
        with Cluster() as cluster:
            return what(Deployment(self.project, "development", cluster, self._store, self.said.append, 0.01, 0.05))

    def plan(
        self, workflow: str = "deploy", options: Mapping[str, Any] | None = None
    ) -> dict[str, dict[str, list[str]]]:
        found = self._do(lambda one: one.plan(workflow, options or {}))
        return {one.step.name: {name: [str(c) for c in those] for name, those in one.changes.items()} for one in found}

    def status(self) -> Standing:
        return self._do(lambda one: one.status())

    def rollback(self) -> Revision | None:
        return self._do(lambda one: one.rollback())

    @property
    def _store(self) -> Store:
        return Store(self.state, "development")

    def steps(self) -> dict[str, str]:
        run = self._store.read("emulated").run
        return {} if run is None else {name: one.state for name, one in run.steps.items()}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With an address of one's own, and little patience."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "kuberay", folder / "kuberay")
    environment = folder / "kuberay/environments/development.k"
    environment.write_text(environment.read_text().replace("example.com", "vapora.test"))
    for file in (folder / "kuberay/workflows").glob("*.k"):
        file.write_text(
            file.read_text().replace("within_s = 900", "within_s = 1").replace("within_s = 1800", "within_s = 1")
        )
    for other in ("solo", "staging", "production"):
        (folder / f"kuberay/environments/{other}.k").unlink()
    render.write(folder)
    return folder


@pytest.fixture
def site(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with emulated.running(tmp_path) as cluster:
        monkeypatch.setenv("KUBECONFIG", str(cluster.config))
        yield Site(project, tmp_path / "state", cluster, [])


def test_a_plan_shows_each_step_and_changes_nothing(site: Site) -> None:
    planned = site.plan()
    assert list(planned) == ["ground", "storage", "secrets", "services", "vapora", "around"]
    assert planned["vapora"] == {"vapora/RayService/vapora": [": not there → made"]}
    assert site.cluster.changed() == []
    assert site.cluster.objects() == []
    assert not site.state.exists()


def test_it_is_deployed_in_order_and_a_second_time_changes_nothing(site: Site) -> None:
    assert site.apply().number == 1
    changed = site.cluster.changed()
    order = ("Namespace/vapora", "StatefulSet/postgres", "RayService/vapora", "PodDisruptionBudget/vapora-head")
    places = [changed.index(one) for one in order]
    assert places == sorted(places)
    assert site.apply().number == 1
    assert site.cluster.changed() == []
    assert not any(site.plan()["vapora"].values())
    standing = site.status()
    assert (standing.drift, standing.unmet, standing.state.run) == ({}, [], None)


def test_each_workflow_deploys_only_what_it_is_for(site: Site) -> None:
    site.apply()
    site.cluster.changed()
    planned = site.plan("scale", {"shards": 3})
    assert [path.partition(":")[0] for path in planned["vapora"]["vapora/RayService/vapora"]] != []
    site.apply("scale", {"shards": 3})
    assert site.cluster.changed() == ["RayService/vapora"]
    with pytest.raises(ConfigurationError, match="takes no option image: it takes shards"):
        site.apply("scale", {"image": "another"})


def test_a_failure_in_the_middle_stops_it_and_the_rest_is_done_later(site: Site) -> None:
    def refuse(name: str) -> None:
        if name == "RayService/vapora":
            raise RuntimeError("planted")

    site.cluster.before(refuse)
    with pytest.raises(UnavailableError, match=r"refuses vapora/RayService/vapora \(500\)"):
        site.apply()
    assert [site.steps()[one] for one in ("services", "vapora", "around")] == ["done", "failed", "open"]
    site.cluster.changed()

    site.cluster.before(lambda name: None)
    assert site.apply().number == 1
    changed = site.cluster.changed()
    assert changed[0] == "RayService/vapora"
    assert {one.partition("/")[0] for one in changed[1:]} == {"PodDisruptionBudget", "CronJob"}


def test_a_killed_run_goes_on_between_two_steps(site: Site) -> None:
    reached, released = threading.Event(), threading.Event()

    def hold(name: str) -> None:
        if name == "RayService/vapora":
            reached.set()
            released.wait(_PATIENCE_S)

    site.cluster.before(hold)
    process = _command(site, "apply", "development")
    assert reached.wait(_PATIENCE_S)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(_PATIENCE_S)
    assert site.steps()["services"] == "done"
    assert site.steps()["vapora"] == "begun"
    site.cluster.before(lambda name: None)
    released.set()
    before = set(site.cluster.changed())

    with pytest.raises(ConflictError, match="A run of deploy is under way in development, with other files or options"):
        site.apply("scale", {"shards": 3})
    assert site.apply().number == 1
    assert site.said[0].startswith("Going on with deploy")
    # Only what was not done yet.
    assert not set(site.cluster.changed()) & (before - {"RayService/vapora"})
    assert site.status().drift == {}


def test_a_version_that_does_not_become_well_is_rolled_back(site: Site) -> None:
    site.apply()
    old = site.cluster.object("RayService/vapora")
    assert old is not None
    ill = [{"type": "Ready", "status": "False", "message": "no endpoint answers"}]
    site.cluster.behave(RayService=lambda one: {"conditions": ill} if _NEW["image"] in json.dumps(one) else _WELL)
    with pytest.raises(UnavailableError, match=r"After 1 s: .*Ready.*False, not True \(no endpoint answers\)"):
        site.apply("upgrade", _NEW)
    run = site.status().state.run
    assert run is not None
    assert run.steps["vapora"].why.endswith("(no endpoint answers)")

    revision = site.rollback()
    assert revision is not None
    assert revision.workflow == "deploy"
    now = site.cluster.object("RayService/vapora")
    assert now is not None
    # As it was, but newer than what it takes over from.
    found = [one for one in changes(old["spec"], now["spec"]) if "VAPORA_GENERATION" not in one.path]
    assert found == []
    assert generation([now]) == 3
    standing = site.status()
    assert (standing.drift, standing.unmet, standing.state.run) == ({}, [], None)


def test_a_revision_that_was_well_is_rolled_back_too(site: Site) -> None:
    with pytest.raises(ConflictError, match="Nothing was deployed"):
        site.rollback()
    site.apply()
    with pytest.raises(ConflictError, match="the first that was well"):
        site.rollback()
    with pytest.raises(ConfigurationError, match="--set generation=2"):
        site.apply("upgrade", {"image": _NEW["image"]})
    site.apply("upgrade", _NEW)
    site.rollback()
    now = site.cluster.object("RayService/vapora")
    assert _NEW["image"] not in json.dumps(now)
    assert generation([now] if now else []) == 3


def test_what_the_first_run_made_is_removed_but_no_volume(site: Site) -> None:
    def refuse(name: str) -> None:
        if name == "RayService/vapora":
            raise RuntimeError("planted")

    site.cluster.before(refuse)
    with pytest.raises(VaporaError):
        site.apply()
    site.cluster.before(lambda name: None)
    assert site.rollback() is None
    left = {one["kind"] for one in site.cluster.objects()}
    assert "StatefulSet" not in left
    assert "Namespace" in left


def test_an_upgrade_saves_everything_first_and_changes_nothing_before_that_is_proved(site: Site) -> None:
    site.apply()
    site.cluster.changed()
    for said in ("", "uploaded 3 files", json.dumps({"proved": True, "workspaces": 0}), '{"proved": false}'):
        site.cluster.jobs_say(said)
        with pytest.raises(UnavailableError, match="does not say that what it saved is whole"):
            site.apply("upgrade", _NEW)
        assert {one.split("-2")[0] for one in site.cluster.changed()} <= {"Job/vapora-backup", "-jobs/vapora-backup"}
        assert site.steps() == {"backup": "failed", "settings": "open", "vapora": "open"}
    # Nothing was touched, so that nothing has to give way.
    site.rollback()
    assert site.status().drift == {}
    site.cluster.changed()
    site.cluster.jobs_say("")
    with pytest.raises(UnavailableError):
        site.apply("upgrade", _NEW)
    site.cluster.changed()
    # The one that was in vain is run anew.
    site.cluster.jobs_say(emulated.SAVED)
    site.apply("upgrade", _NEW)
    changed = site.cluster.changed()
    assert changed[1].startswith("Job/vapora-backup-")
    assert changed[-2:] == ["RayService/vapora", "CronJob/vapora-backup"]
    assert "  saved to s3://vapora/backups/now and read back: 2 logs, 40 events" in site.said
    saving = [one for one in site.cluster.objects() if one["kind"] == "Job" and "backup" in one["metadata"]["name"]]
    # By the version that has written what it saves.
    assert _NEW["image"] not in json.dumps(saving)


def test_a_backup_that_failed_stops_an_upgrade(site: Site) -> None:
    site.apply()
    failed = [{"type": "Failed", "status": "True", "message": "the store is full"}]
    site.cluster.behave(Job=lambda _: {"conditions": failed})
    with pytest.raises(UnavailableError, match=r"Job/vapora-backup-\d+ failed: the store is full"):
        site.apply("upgrade", _NEW)
    assert site.steps()["settings"] == "open"


def test_what_the_environment_no_longer_has_goes_but_for_data_and_secrets(site: Site, tmp_path: Path) -> None:
    site.apply()
    project, rendered = tmp_path / "project", "kuberay/rendered/development"
    shutil.copytree(site.project, project)
    (project / rendered / "nats.yaml").unlink()
    site.project = project
    site.cluster.changed()
    gone = site._do(lambda one: one.gone("deploy", {})).named()
    assert gone["left"] == ["vapora/StatefulSet/nats"]
    assert sorted(gone["removed"]) == [
        "vapora/ConfigMap/nats-config",
        "vapora/PodDisruptionBudget/nats",
        "vapora/Service/nats",
    ]
    assert site._do(lambda one: one.gone("scale", {})).named() == {"removed": [], "left": []}
    assert site.cluster.changed() == []

    # Killed in the middle of it: what is gone is no drift.
    def refuse(name: str) -> None:
        if name == "services/nats":
            raise RuntimeError("planted")

    site.cluster.before(refuse)
    with pytest.raises(UnavailableError):
        site.apply()
    site.cluster.before(lambda name: None)
    assert site.apply().number == 2
    assert site.cluster.object("Service/nats") is None
    assert site.cluster.object("StatefulSet/nats") is not None
    assert site.status().drift == {}
    # Back again, and at last with its data.
    site.rollback()
    assert site.cluster.object("Service/nats") is not None
    site.apply(with_data=True)
    assert site.cluster.object("StatefulSet/nats") is None


def test_an_empty_cluster_is_recovered_and_goes_on_after_each_step(site: Site) -> None:
    """Whatever it fails at, the same command goes on there, and nothing is done twice."""
    began: list[str] = []
    blocked = {"ServiceAccount/postgres": "ground", "StatefulSet/postgres": "services", "RayService/vapora": "vapora"}
    blocked["PodDisruptionBudget/vapora-head"] = "around"
    with pytest.raises(ConflictError, match="keys waits for a person"):
        site.apply("recover")
    for name, step in blocked.items():

        def refuse(one: str, name: str = name) -> None:
            if one == name:
                raise RuntimeError("planted")

        site.cluster.before(refuse)
        if step == "vapora":
            with pytest.raises(ConflictError, match="restore waits for a person"):
                site.apply("recover", done=["keys"])
            site.cluster.before(lambda name: None)
            assert site.cluster.object("RayService/vapora") is None
            site.cluster.before(refuse)
        with pytest.raises(UnavailableError):
            site.apply("recover", done=["keys", *(["restore"] if step in ("vapora", "around") else [])])
        assert site.steps()[step] == "failed"
        began += site.cluster.changed()
    site.cluster.before(lambda name: None)
    assert site.apply("recover", done=["keys", "restore"]).number == 1
    began += site.cluster.changed()
    twice = {one for one in began if began.count(one) > 1}
    assert twice == set()
    standing = site.status()
    assert (standing.drift, standing.unmet, standing.state.run) == ({}, [], None)


def test_drift_is_refused_by_name_and_can_be_changed_back(site: Site) -> None:
    site.apply()
    site.cluster.patch("StatefulSet/nats", {"spec": {"replicas": 7}})
    with pytest.raises(ConflictError) as refused:
        site.apply()
    assert "vapora/StatefulSet/nats is not as it was deployed: spec.replicas: 7 → 1" in str(refused.value)
    assert "--overwrite-drift" in str(refused.value)
    assert list(site.status().drift) == ["vapora/StatefulSet/nats"]
    site.apply(overwrite=True)
    nats = site.cluster.object("StatefulSet/nats")
    assert nats is not None
    assert nats["spec"]["replicas"] == 1


def test_a_step_of_a_person_waits_for_them(site: Site) -> None:
    site.apply()
    with pytest.raises(ConflictError, match=r"seal waits for a person: .*--done seal"):
        site.apply("rotate", {"generation": 2})
    with pytest.raises(ConflictError, match="withdraw waits for a person"):
        site.apply("rotate", {"generation": 2}, ["seal"])
    assert site.apply("rotate", {"generation": 2}, ["seal", "withdraw"]).number == 2


def test_another_cluster_is_not_taken_for_this_one(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site.apply()
    other = tmp_path / "other"
    other.write_text(site.cluster.config.read_text().replace("emulated", "production"))
    monkeypatch.setenv("KUBECONFIG", str(other))
    with pytest.raises(ConfigurationError, match="was deployed into the cluster emulated, and this is production"):
        site.apply()


def test_no_secret_is_deployed_from_a_file_kept_or_said(site: Site) -> None:
    planted = site.project / "kuberay/rendered/development/planted.yaml"
    planted.write_text(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: vapora}\nstringData: {a: hunter2}\n"
    )
    try:
        with pytest.raises(ConfigurationError, match="vapora/Secret/x is a Secret") as refused:
            site.apply()
    finally:
        planted.unlink()
    assert "hunter2" not in str(refused.value)
    site.apply()
    kept = "".join(one.read_text() for one in site.state.rglob("*") if one.is_file())
    assert "planted-token" not in kept + "".join(site.said)
    sealed = {"kind": "SealedSecret", "spec": {"encryptedData": {"key": "AgBold"}}}
    shown = str(changes(sealed | {"spec": {"encryptedData": {"key": "AgBnew"}}}, sealed)[0])
    assert shown == "spec.encryptedData.key: (hidden) → (hidden)"


def test_the_command_says_what_it_does(site: Site) -> None:
    process = _command(site, "apply", "development", "--json")
    out, err = process.communicate(timeout=_PATIENCE_S)
    assert process.returncode == 0, err
    assert json.loads(out)["number"] == 1
    assert "vapora: VAPORA on its Ray cluster." in err
    site.cluster.patch("RayService/vapora", {"spec": {"excludeHeadPodFromServeSvc": "never"}})
    process = _command(site, "status", "development", "--json")
    out, err = process.communicate(timeout=_PATIENCE_S)
    assert process.returncode == 1
    drift = json.loads(out)["drift"]
    assert drift == {"vapora/RayService/vapora": ["spec.excludeHeadPodFromServeSvc: never → True"]}


@pytest.mark.parametrize("environment", render.environments(ROOT))
@pytest.mark.parametrize("workflow", flows.names(ROOT))
def test_every_workflow_fits_every_environment(workflow: str, environment: str) -> None:
    found = flows.load(ROOT, workflow)
    objects = [one for file in render.manifests(ROOT, environment).values() for one in file]
    divided = flows.divide(found, objects)
    taken = [flows.key(one) for those in divided.values() for one in those]
    assert len(taken) == len(set(taken))
    if any(step.rest for step in found.steps):
        assert set(taken) == set(map(flows.key, objects))


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ('needs = ["services"]', 'needs = ["nobody"]', "a step needs one that is not there"),
        ('needs = ["ground"]', 'needs = ["around"]', "steps wait for each other"),
        (
            'kind = "RayService"}]\n            checks',
            'kind = "StatefulSet"}]\n            checks',
            "two steps of deploy",
        ),
        ('name = "around"', 'name = "vapora"', "two steps have the same name"),
    ],
)
def test_a_workflow_that_cannot_be_is_refused(tmp_path: Path, written: str, instead: str, said: str) -> None:
    shutil.copytree(ROOT / "kuberay", tmp_path / "kuberay")
    file = tmp_path / "kuberay/workflows/deploy.k"
    assert written in file.read_text()
    file.write_text(file.read_text().replace(written, instead, 1))
    with pytest.raises(ConfigurationError, match=said):
        found = flows.load(tmp_path, "deploy")
        flows.divide(found, [one for file in render.manifests(ROOT, "development").values() for one in file])


def test_a_quantity_in_the_clusters_own_form_is_no_change() -> None:
    assert not changes(
        {"spec": {"memory": "1024Mi", "cpu": "0.5", "n": []}}, {"spec": {"memory": "1Gi", "cpu": "500m"}}
    )
    assert [str(one) for one in changes({"spec": {"cpu": "1"}}, {"spec": {"cpu": "1m"}})] == ["spec.cpu: 1m → 1"]


_WELL = {"conditions": [{"type": "Ready", "status": "True"}, {"type": "UpgradeInProgress", "status": "False"}]}


def _command(site: Site, *arguments: str) -> subprocess.Popen[str]:
    where = ["--project", str(site.project), "--state", str(site.state)]
    return subprocess.Popen(
        [sys.executable, "-m", "vapora", "deploy", *arguments, *where],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
