"""What is checked before a release, its bill of materials, and that the workflow takes the steps of `make release`."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from release import bill, dists, version
from tests.installation.lock import LOCK, NODE_LOCK, PROJECT, ROOT, entries

WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"
NPM_LOCK = json.loads((ROOT / bill.NPM_LOCK).read_text(encoding="utf-8"))["packages"]
EPOCH = "1767225600"
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-11-28\n\n- It is there.\n"


@pytest.fixture(scope="module")
def written() -> str:
    return bill.as_json(bill.made(ROOT, EPOCH))


@pytest.fixture(scope="module")
def components(written: str) -> list[dict[str, Any]]:
    return list(json.loads(written)["components"])


def test_tag_project_package_and_changelog_that_agree_are_a_release() -> None:
    assert version.faults(project="1.2.0", package="1.2.0", changelog=CHANGELOG, tag="v1.2.0") == []
    assert version.faults(project="1.2.0", package="1.2.0", changelog=CHANGELOG, tag=None) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tag": "v1.2.1"}, "tag it v1.2.0"),
        ({"tag": "1.2.0"}, "tag it v1.2.0"),
        ({"package": "1.1.0"}, "vapora.__version__ is 1.1.0"),
        ({"changelog": CHANGELOG.replace("1.2.0", "1.1.0")}, "“## [1.2.0] - YYYY-MM-DD”"),
        ({"changelog": CHANGELOG.replace(" - 2026-11-28", "")}, "“## [1.2.0] - YYYY-MM-DD”"),
        ({"project": "1.2.0-final.2", "package": "1.2.0-final.2", "tag": None}, "PEP 440"),
        ({"project": "01.2", "package": "01.2", "tag": None}, "is to be written 1.2"),
    ],
)
def test_what_does_not_agree_is_said_with_what_to_do(change: dict[str, Any], said: str) -> None:
    asked = {"project": "1.2.0", "package": "1.2.0", "changelog": CHANGELOG, "tag": "v1.2.0"} | change
    assert any(said in one for one in version.faults(**asked))


def test_a_file_that_is_not_committed_is_named(tmp_path: Path) -> None:
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / "one").write_text("1")
    assert version.tree_faults(tmp_path) == ["1 files are not as committed (one): commit or remove them."]
    subprocess.run([*git, "add", "."], cwd=tmp_path, check=True)
    subprocess.run([*git, "commit", "-qm", "x"], cwd=tmp_path, check=True)
    assert version.tree_faults(tmp_path) == []


def test_sums_are_read_by_sha256sum(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("1")
    (tmp_path / "SHA256SUMS").write_text(dists.sums(tmp_path))
    command = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 0
    (tmp_path / "one").write_text("2")
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 1


def test_the_bill_of_materials_is_valid_and_the_same_each_time(written: str) -> None:
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(written) is None
    broken = written.replace('"type": "library"', '"type": "book"', 1)
    assert validator.validate_str(broken) is not None
    assert bill.as_json(bill.made(ROOT, EPOCH)) == written
    assert bill.as_json(bill.made(ROOT, "1767225601")) != written


def test_the_bill_holds_every_locked_package_with_its_hashes(components: list[dict[str, Any]]) -> None:
    locked = {_unmarked(entry): _hashes(entry) for lock in (LOCK, NODE_LOCK) for entry in entries(lock).values()}
    python = [one for one in components if one["purl"].startswith("pkg:pypi/")]
    assert {f"{one['name']}=={one['version']}": _digests(one) for one in python} == locked

    npm = {(path.rpartition("node_modules/")[2], told["version"]) for path, told in NPM_LOCK.items() if path}
    shown = {("/".join(filter(None, [one.get("group"), one["name"]])), one["version"]) for one in components}
    assert npm <= shown
    assert len(components) == len(python) + len(npm)
    assert all(one["hashes"] for one in components)


def test_it_says_the_licence_of_all_that_is_installed_and_says_one(components: list[dict[str, Any]]) -> None:
    without = {one["name"] for one in components if not one.get("licenses")}
    # The first says none; the others are not for this platform.
    elsewhere = {one["name"] for one in components if _marker(one)}
    assert without - elsewhere <= {"cedarpy"}
    named = {one["name"]: one["licenses"] for one in components if one.get("licenses")}
    assert named["preact"] == [{"license": {"id": "MIT"}}]
    assert named["pydantic"] == [{"license": {"id": "MIT"}}]


def test_scopes_say_what_the_sdk_needs_what_extras_bring_and_what_only_builds(written: str) -> None:
    scopes = {one["bom-ref"].partition("@")[0]: one["scope"] for one in json.loads(written)["components"]}
    of = {
        name: scopes[f"pkg:{name}"] for name in ("pypi/httpx", "pypi/ray", "pypi/hatchling", "npm/preact", "npm/vite")
    }
    assert of == {
        "pypi/httpx": "required",
        "pypi/ray": "optional",
        "pypi/hatchling": "excluded",
        "npm/preact": "required",
        "npm/vite": "excluded",
    }
    # What only an extra of another package brings, here `ray[serve]`.
    assert scopes["pkg:pypi/grpcio"] == "optional"


def test_the_workflow_takes_the_steps_of_make_release_in_their_order() -> None:
    done = subprocess.run(["make", "-n", "release"], cwd=ROOT, check=True, capture_output=True, text=True)
    ours = re.findall(r"^make (\S+)$", done.stdout, re.MULTILINE)
    assert ours
    steps = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]["build"]["steps"]
    runs = [step["run"] for step in steps if "run" in step]
    assert [run.split()[:2] for run in runs] == [["make", one] for one in ours]
    assert [run.split()[2:] for run in runs if len(run.split()) > 2] == [['TAG="$GITHUB_REF_NAME"']]


def test_only_the_job_that_publishes_may_write_and_it_runs_nothing_of_ours() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {}
    build, publish = workflow["jobs"]["build"], workflow["jobs"]["publish"]
    assert build["permissions"] == {"contents": "read"}
    assert publish["needs"] == "build"
    assert publish["permissions"]["id-token"] == "write"
    used = [step["uses"].partition("@")[0] for step in publish["steps"] if "uses" in step]
    assert "actions/checkout" not in used
    assert "secrets." not in WORKFLOW.read_text(encoding="utf-8")


def test_the_version_is_one() -> None:
    import vapora

    assert vapora.__version__ == PROJECT["project"]["version"]


def _unmarked(entry: str) -> str:
    return entry.partition("\\")[0].partition(";")[0].strip()


def _hashes(entry: str) -> set[str]:
    return set(re.findall(r"--hash=sha256:([0-9a-f]{64})", entry))


def _digests(component: dict[str, Any]) -> set[str]:
    return {one["content"] for one in component["hashes"] if one["alg"] == "SHA-256"}


def _marker(component: dict[str, Any]) -> str:
    return next((one["value"] for one in component.get("properties", []) if one["name"] == "vapora:marker"), "")
