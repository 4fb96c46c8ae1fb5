"""Settings about repositories, as a person writes them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from vapora.repo.bare import Person, person
from vapora.settings import Settings


def test_roots_are_written_as_in_path_and_are_the_home_and_the_working_folder_by_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VAPORA_REPO_ROOTS", raising=False)
    assert Settings().repo_roots == (Path("/home/ada"), tmp_path)
    monkeypatch.setenv("VAPORA_REPO_ROOTS", os.pathsep.join(("/srv/git", "~/src")))
    assert Settings().repo_roots == (Path("/srv/git"), Path("/home/ada/src"))
    monkeypatch.setenv("VAPORA_REPO_ROOTS", "src")
    with pytest.raises(ValidationError, match="no absolute path"):
        Settings()


def test_a_committer_is_written_as_in_git() -> None:
    assert person(Settings(committer="Ada L. <ada@example.com>").committer) == Person("Ada L.", "ada@example.com")
    for wrong in ("Ada", "<ada@example.com>", "Ada <>", "Ada <a b>"):
        with pytest.raises(ValidationError, match="as in git"):
            Settings(committer=wrong)


def test_the_public_address_is_one_that_a_link_may_begin_with() -> None:
    assert Settings(public_url=" https://vapora.example.com/ ").public_url == "https://vapora.example.com"
    assert Settings(public_url="http://10.0.0.5:8080").public_url == "http://10.0.0.5:8080"
    assert Settings().public_url == ""
    for wrong in (
        "vapora.example.com",
        "ftp://a",
        "https://",
        "https://me:s3cret@a",
        "https://a/?x=1",
        "https://a:b",
        "https://a/#x",
    ):
        with pytest.raises(ValidationError, match="must be written as https") as refused:
            Settings(public_url=wrong)
        assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "meant"),
    [("", None), ("vapora=0.5", ("vapora", 0.5)), ("num_cpus=1", ("num_cpus", 1.0)), ("vapora = 2", ("vapora", 2.0))],
)
def test_what_a_shard_holds_of_a_cluster_is_a_resource_and_how_much(text: str, meant: tuple[str, float] | None) -> None:
    assert Settings(shard_resource=text).shard_holds == meant


@pytest.mark.parametrize("text", ["vapora", "vapora=", "=1", "vapora=much", "vapora=-1", "vapora=0", "vapora=1.5"])
def test_what_is_no_resource_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="as in vapora="):
        Settings(shard_resource=text)
