"""The wheel and the source distribution: what is in them, and that whoever builds them gets the same."""

from __future__ import annotations

import os
import subprocess
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from packaging.metadata import Metadata

from hatch_build import described
from release import dists
from tests.installation.lock import ROOT

EPOCH = "1767225600"
ROOMS = ("actors", "events", "projections", "vapora")
BESIDE = {".gitignore", "CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "hatch_build.py", "pyproject.toml"}
# The pages as they were written; in the wheel they are as they were built.
WRITTEN = ("vapora/web/src/", "vapora/web/public/")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    dists.build(ROOT, folder, EPOCH)
    return folder


@pytest.fixture(scope="module")
def sdist(made: Path) -> Path:
    return next(made.glob("*.tar.gz"))


@pytest.fixture(scope="module")
def wheel(made: Path) -> Path:
    return next(made.glob("*.whl"))


def test_the_source_distribution_holds_what_a_wheel_is_built_from_and_nothing_else(sdist: Path) -> None:
    # Also what somebody who works on the sources has not committed yet.
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *ROOMS]
    listed = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    sources = {name for name in listed if name and (ROOT / name).is_file()}
    built = {str(one.relative_to(ROOT)) for one in (ROOT / "vapora/web/dist").rglob("*") if one.is_file()}
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert built
    assert names == sources | built | BESIDE


def test_whoever_has_the_source_distribution_builds_both_to_the_byte(made: Path, sdist: Path, tmp_path: Path) -> None:
    # Elsewhere, later, and with other permissions.
    before = os.umask(0o077)
    try:
        dists.build(dists.unpacked(sdist, tmp_path), tmp_path / "again", EPOCH)
    finally:
        os.umask(before)
    first, second = dists.dists(made), dists.dists(tmp_path / "again")
    assert [one.name for one in first] == [one.name for one in second]
    assert list(map(dists.digest, first)) == list(map(dists.digest, second))


def test_a_wheel_holds_the_four_rooms_typed_and_the_pages_as_they_were_built(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.partition("/")[0] for name in names} == {*ROOMS, _info(wheel)}
    assert {"vapora/py.typed", "events/py.typed", "vapora/web/dist/index.html"} <= set(names)
    assert {f"{_info(wheel)}/licenses/LICENSE", f"{_info(wheel)}/entry_points.txt"} <= set(names)
    assert [name for name in names if name.startswith(WRITTEN) or "__pycache__" in name] == []


def test_its_metadata_is_valid_and_says_what_pyproject_says(wheel: Path) -> None:
    about = Metadata.from_email(_metadata(wheel), validate=True)
    assert about.license_expression == "Apache-2.0"
    assert about.license_files == ["LICENSE"]
    assert str(about.requires_python) == ">=3.11"
    assert {"platform", "deploy", "notebook"} == set(about.provides_extra or [])
    told = {f"Programming Language :: Python :: 3.{minor}" for minor in (11, 12, 13, 14)}
    assert told <= set(about.classifiers or [])


def test_the_package_index_can_show_the_description(made: Path) -> None:
    assert dists.described(made) == ""


def test_a_description_that_cannot_be_shown_is_refused(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(tmp_path / wheel.name, "w") as new:
        for entry in old.infolist():
            text = old.read(entry)
            if entry.filename.endswith("/METADATA"):
                text = text.replace(b"Description-Content-Type: text/markdown", b"Description-Content-Type: text/x-rst")
                text += b"\n\n.. no-such-directive::\n\n======\n\nx\n=\n"
            new.writestr(entry, text)
    assert "FAILED" in dists.described(tmp_path)


def test_the_description_has_no_link_that_only_holds_inside_the_repository(wheel: Path) -> None:
    text = str(message_from_bytes(_metadata(wheel)).get_payload())
    assert "](docs/" not in text
    assert "](https://www.ray.io/)" in text


def test_of_a_link_into_the_repository_its_words_stay_and_code_is_left_alone() -> None:
    readme = "![Board](docs/board.png)See [the SDK](docs/sdk.md), [Ray](https://ray.io) and [here](#teams).\n"
    code = "```python\ntable[0](docs)\n```\n"
    assert described(readme + code) == "See the SDK, [Ray](https://ray.io) and [here](#teams).\n" + code


def _info(wheel: Path) -> str:
    return "-".join(wheel.name.split("-")[:2]) + ".dist-info"


def _metadata(wheel: Path) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(f"{_info(wheel)}/METADATA")
