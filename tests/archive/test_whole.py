"""A backup of everything, of files or of a database, into a folder or a store, and back into either."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.api.signing import EMAIL, PASSWORD, bearer, set_up
from tests.archive.conftest import Target, at_work
from tests.blobs.conftest import bucket, environment, s3
from vapora.archive.whole import save_all
from vapora.clock import now
from vapora.errors import ConflictError
from vapora.log.places import open_log
from vapora.objects import Objects, S3Objects, opened
from vapora.repo import bundles
from vapora.repo.git import Git
from vapora.vault import open_vault, put_rows, stored_rows

__all__ = ["bucket", "environment", "s3"]
VAULT_KEY = "a" * 43 + "="
PROJECT = "project-of-old"
CANARY = "s3cret-canary"

Place = tuple[str, Objects]


@pytest.fixture(params=["a folder", "a store"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """What the command line is given, and what is there."""
    if request.param == "a folder":
        return str(tmp_path / "saved"), opened(tmp_path / "saved")
    name = request.getfixturevalue("bucket")
    return f"s3://{name}/nightly/monday", S3Objects(name, "nightly/monday")


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Those of the installation, which are kept elsewhere than the backups."""
    monkeypatch.setenv("VAPORA_VAULT_KEY", VAULT_KEY)
    monkeypatch.setenv("VAPORA_AUDIT_KEY", str(tmp_path / "keys" / "audit_key"))
    return tmp_path / "keys" / "audit_key"


def repository(folder: Path) -> str:
    """A project's repository of ours, with a branch that nobody merged: its commit."""
    made = folder / PROJECT / "repo.git"
    names = (f"GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL"))
    environ = {**os.environ, **dict.fromkeys(names, "a")}

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(made), *arguments]
        return subprocess.run(command, env=environ, check=True, capture_output=True, text=True, input="").stdout.strip()

    made.mkdir(parents=True)
    git("init", "--quiet", "--bare")
    commit = git("commit-tree", git("mktree"), "-m", "Not merged")
    git("update-ref", "refs/heads/vapora/task-1", commit)
    git("config", "vapora.source", "/somewhere/else")
    return commit


async def board(door: Any, headers: dict[str, str]) -> Any:
    return (await door.ask("GET", "/board", 200, headers=headers))["columns"]


async def filled(source: Target) -> tuple[Any, str]:
    """Work, an owner, a secret and a branch: the board, and the branch's commit."""
    async with at_work(source.data, source.url) as door:
        house = await set_up(door)
        owner = bearer(house.owner)
        project = await door.ask("POST", "/projects", 201, {"name": "Parser"}, headers=owner)
        said = {"project_id": project["id"], "title": "Held", "assignee": "a person"}
        await door.ask("POST", "/tasks", 202, said, headers=owner)
        await door.ask("POST", "/documents", 201, {"title": "How to parse", "text": "ü" * 9_000}, headers=owner)
        await door.ask("PUT", "/secrets/deploy-key", 200, {"value": CANARY}, headers=owner)
        head = (await door.ask("GET", "/position", 200, headers=owner))["head"]
        await door.ask("GET", f"/board?after={head}", 200, headers=owner)
        seen = await board(door, owner)
    return seen, repository(source.settings.repositories_folder("default"))


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path, target: Target) -> Callable[[], Target]:
    """Where nothing is yet, of the other kind than the source."""

    def made() -> Target:
        data = tmp_path / "elsewhere"
        if target.url is not None:
            return Target(data, None)
        return Target(data, request.getfixturevalue("database_url"))

    return made


async def test_all_of_it_comes_back_elsewhere_from_files_and_from_a_database(
    place: Place, target: Target, elsewhere: Callable[[], Target]
) -> None:
    name, objects = place
    seen, commit = await filled(target)
    said = target.invoke("backup", name, "--portable", "--json")
    assert said.code == 0, said.err
    assert said.json["repositories"] == {"default": [PROJECT]}
    signed = said.json["workspaces"]["default"]["checkpoints"]
    assert signed >= 1
    assert said.json["workspaces"]["default"]["blobs"] == 1
    for one in objects.listed():
        assert CANARY.encode() not in (objects.read(one.name) or b"")
        assert not one.name.endswith(("vault_key", "audit_key"))

    there = elsewhere()
    # Cut off and called again, as often as it takes.
    for _ in "ab":
        restored = there.invoke("restore", name)
        assert restored.code == 0, restored.err
    verified = there.invoke("audit", "verify", "--json")
    assert verified.code == 0, verified.err
    assert verified.json["checkpoints"] >= signed
    git = Git(os.environ)
    repo = there.settings.repositories_folder("default") / PROJECT / "repo.git"
    assert git.run("rev-parse", "refs/heads/vapora/task-1", git_dir=repo).text == commit
    assert git.run("config", "vapora.source", git_dir=repo).text == "/somewhere/else"
    vault = open_vault(there.settings)
    found = vault.get("default", "deploy-key")
    vault.close()
    assert found is not None and found[0].get_secret_value() == CANARY
    async with at_work(there.data, there.url) as door:
        owner = bearer(await door.ask("POST", "/auth/login", 200, {"email": EMAIL, "password": PASSWORD}))
        assert (await door.ask("GET", "/auth/me", 200, headers=owner))["email"] == EMAIL
        head = (await door.ask("GET", "/position", 200, headers=owner))["head"]
        await door.ask("GET", f"/board?after={head}", 200, headers=owner)
        assert await board(door, owner) == seen
        [document] = (await door.ask("GET", "/documents", 200, headers=owner))["items"]
        assert (await door.ask("GET", f"/documents/{document['id']}", 200, headers=owner))["text"] == "ü" * 9_000


async def test_what_is_no_whole_backup_is_refused(tmp_path: Path, data: Path, keys: Path) -> None:
    source, saved = Target(data, None), tmp_path / "saved"
    # The key that has signed this log.
    keys.parent.mkdir(parents=True)
    shutil.copy2(data / "audit_key", keys)
    save_all(source.settings, opened(saved), now(), "1.2.3")
    with pytest.raises(ConflictError, match="something at"):
        save_all(source.settings, opened(saved), now(), "1.2.3")
    target = Target(tmp_path / "target", None)

    proved = source.invoke("backup", str(saved), "--check", "--json")
    assert proved.json["proved"] is True
    assert proved.json["workspaces"] >= 1
    # What `vapora deploy` reads it from has room for so much.
    assert len(proved.out) < 4_096

    changed = saved / "workspaces" / "default.jsonl.gz"
    whole = changed.read_bytes()
    changed.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    said = target.invoke("restore", str(saved))
    assert (said.code, "was changed" in said.err) == (1, True)
    assert target.holds_nothing()
    refused = source.invoke("backup", str(saved), "--check")
    assert (refused.code, "was changed" in refused.err) == (1, True)
    changed.write_bytes(whole)
    # One that was made after it, or that it left out.
    open_log(source.settings.log_place("later"), "later").close()
    refused = source.invoke("backup", str(saved), "--check")
    assert (refused.code, "is without later" in refused.err) == (1, True)

    keys.unlink()
    keys.with_name("audit_key.pub").unlink(missing_ok=True)
    said = target.invoke("restore", str(saved))
    assert (said.code, "by another key" in said.err) == (1, True)
    shutil.copy2(data / "audit_key", keys)
    keys.with_name("audit_key.pub").unlink()

    (saved / "backup.json").unlink()
    said = target.invoke("restore", str(saved))
    assert said.code == 2
    assert "There is no backup" in said.err


def test_a_backup_of_files_carries_what_nobody_merged(data: Path, tmp_path: Path, keys: Path) -> None:
    source, saved = Target(data, None), tmp_path / "saved"
    keys.parent.mkdir(parents=True)
    shutil.copy2(data / "audit_key", keys)
    commit = repository(source.settings.repositories_folder("default"))
    assert source.invoke("backup", str(saved)).code == 0
    repo = saved / "workspaces" / "default" / "repositories" / PROJECT / "repo.git"
    assert Git(os.environ).run("rev-parse", "refs/heads/vapora/task-1", git_dir=repo).text == commit
    assert not bundles.restore(os.environ, tmp_path, repo.parent)


def test_rows_of_the_vault_that_are_there_stay(tmp_path: Path) -> None:
    first, second = Target(tmp_path / "a", None).settings, Target(tmp_path / "b", None).settings
    for settings, value in ((first, "old"), (second, "new")):
        vault = open_vault(settings)
        vault.put("acme", "name", SecretStr(value))
        vault.close()
    assert put_rows(second, stored_rows(first)) == 2
    vault = open_vault(second)
    found = vault.get("acme", "name")
    vault.close()
    assert found is not None and found[0].get_secret_value() == "new"
    assert stored_rows(Target(tmp_path / "c", None).settings) == []
