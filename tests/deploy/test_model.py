"""The rules of the source: what cannot work is refused while it is rendered, with file and line."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.deploy.schemas import ROOT
from vapora.deploy import kcl, render
from vapora.errors import ConfigurationError

# In which environment's file what is written in place of what, and what is said about it.
BROKEN = {
    "Redis is missing": (
        "production",
        "    redis.service(",
        "    # redis.service(",
        "A service needs one that is not there",
    ),
    "one worker": (
        "production",
        'least = option("workers_least") or 5',
        "least = 1",
        "production wants two workers|one replica of the API",
    ),
    "no control store": ("production", 'option("control_store") or "redis"', '"none"', "a control store that is kept"),
    "no mesh": ("production", 'option("mesh") or "strict"', '"none"', "production wants a mesh"),
    "secrets by hand": ("production", 'secrets = "sealed"', 'secrets = "given"', "production wants sealed secrets"),
    "an image by tag": ("production", "vapora@sha256:" + "0" * 64, "vapora:0.1.0", "by digest"),
    "one zone": ("production", "zones = True", "zones = False", "several zones"),
    "nobody watches": ("production", "monitoring = True", "monitoring = False", "wants monitoring"),
    "too many shards": ("production", 'option("shards") or 10', "20", r"shards \+ 32 or more"),
    "no room for the shards of a node that dies": (
        "production",
        "    zones = True",
        "    zones = True\n    shards_a_node = 2",
        "room for the shards",
    ),
    "more replicas than nodes": ("staging", "{least = 2, most = 2}", "{least = 3, most = 4}", "one replica of the API"),
    "an image without a version": ("development", '"vapora:0.1.0"', '"vapora"', "without a version"),
    "a folder for several nodes": ("development", 'objects = "inside"', 'objects = "folder"', "cannot be a folder"),
    "a mesh for one pod": ("solo", 'mesh = "none"', 'mesh = "edge"', "Mode solo is one pod"),
    "a size that is none": (
        "solo",
        '"20Gi", m.Size {cpu = "2", memory = "4Gi"',
        '"20Gi", m.Size {memory = "4GB"',
        "memory",
    ),
    "a word that is none": ("staging", 'mode = "multiuser"', 'mode = "multi-user"', "multi-user"),
    "an image that changes": (
        "staging",
        'option("image") or _image',
        '"example.com/vapora:latest"',
        "what `latest` is",
    ),
    "a digest that is none": (
        "staging",
        "monitoring = True",
        'monitoring = True\n    digests = {postgres = "sha256:12"}',
        "64 hex digits",
    ),
    "a digest of nobody's image": (
        "staging",
        "monitoring = True",
        'monitoring = True\n    digests = {postgresql = "sha256:12"}',
        "a service that is not there",
    ),
    "checkpoints in no bucket": ("staging", '"s3://vapora-checkpoints/log"', '"/checkpoints"', "s3://bucket/prefix"),
    "no backup before an upgrade": ("production", "        backup.taskserv\n", "", "wants the service backup"),
    "a field that is none": ("staging", "monitoring = True", "monitor = True", "monitor"),
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the source."""
    shutil.copytree(ROOT / "kuberay", tmp_path / "kuberay")
    return tmp_path


def test_images_are_named_by_digest_where_one_is_given(project: Path) -> None:
    digest = f"sha256:{'ab' * 32}"
    file = project / "kuberay/environments/staging.k"
    given = f'monitoring = True\n    digests = {{postgres = "{digest}"}}'
    file.write_text(file.read_text().replace("monitoring = True", given, 1))
    ours = f"example.com/vapora@{digest}"
    rendered = [one for objects in render.manifests(project, "staging", image=ours).values() for one in objects]
    text = json.dumps(rendered)
    assert f"docker.io/library/postgres:18-bookworm@{digest}" in text
    assert text.count(ours) == 3, "head, workers and backup"


@pytest.mark.parametrize("mistake", BROKEN)
def test_a_rule_fires_with_file_and_line(project: Path, mistake: str) -> None:
    environment, old, new, words = BROKEN[mistake]
    source = project / "kuberay/environments" / f"{environment}.k"
    text = source.read_text()
    assert text.count(old) == 1
    source.write_text(text.replace(old, new))
    with pytest.raises(ConfigurationError, match=words) as told:
        render.manifests(project, environment)
    assert re.search(r"\w+\.k:\d+:\d+", str(told.value))
    assert "\x1b" not in str(told.value)


def test_too_few_ports_for_the_workers_of_ray_are_refused(project: Path) -> None:
    ports = project / "kuberay/model/ports.k"
    ports.write_text(ports.read_text().replace("worker_count: int = 48", "worker_count: int = 11"))
    with pytest.raises(ConfigurationError, match="at least 32 ports"):
        render.manifests(project, "production")


def test_a_file_that_was_changed_by_hand_is_named_and_mended(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("compose.yaml", "compose.override.yaml"):
        shutil.copy(ROOT / name, project / name)
    changed = project / "kuberay/rendered/production/redis.yaml"
    changed.write_text(changed.read_text() + "# quick fix\n")
    (project / "kuberay/rendered/solo/network.yaml").unlink()
    (project / "kuberay/rendered/solo/extra.yaml").write_text("a: 1\n")
    assert render.main(["--check", "--project", str(project)]) == 1
    told = capsys.readouterr().err.splitlines()
    assert sorted(told) == [
        "kuberay/rendered/production/redis.yaml is not what its source says.",
        "kuberay/rendered/solo/extra.yaml is rendered from nothing.",
        "kuberay/rendered/solo/network.yaml is missing.",
    ]
    assert render.main(["--project", str(project)]) == 0
    assert render.main(["--check", "--project", str(project)]) == 0


def test_an_environment_that_is_none_is_refused(project: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"There is no environment testing .* development"):
        render.manifests(project, "testing")


def test_a_number_given_on_the_way_takes_the_place_of_the_files(project: Path) -> None:
    [service] = render.manifests(project, "staging", generation=7, workers_least=3)["vapora"][:1]
    group = service["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]
    env = {one["name"]: one.get("value") for one in group["template"]["spec"]["containers"][0]["env"]}
    assert (group["minReplicas"], env["VAPORA_GENERATION"]) == (3, "7")


def test_the_source_is_formatted(project: Path) -> None:
    from kcl_lib import api

    for folder in ("model", "taskservs", "environments"):
        changed = api.API().format_path(api.FormatPathArgs(path=str(project / "kuberay" / folder)))
        assert list(changed.changed_paths) == []


def test_a_syntax_error_is_told_once(tmp_path: Path) -> None:
    broken = tmp_path / "broken.k"
    broken.write_text("a = {\n")
    with pytest.raises(ConfigurationError, match=r"broken\.k:") as told:
        kcl.run([broken], tmp_path)
    assert str(told.value).count("InvalidSyntax") <= 2
