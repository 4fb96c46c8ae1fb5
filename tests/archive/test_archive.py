"""What leaves the house comes back the same, or not at all."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from tests.api.signing import EMAIL, PASSWORD, bearer, set_up
from tests.archive.conftest import SHOT, Target, at_work, contents, opened, read_models, settings_of
from tests.cli.conftest import invoke
from tests.disk import no_file_grows_beyond
from tests.log.stored import Stored
from tests.ports import free_port
from vapora import durable
from vapora.archive.load import ExportFile
from vapora.blobs import BlobStore
from vapora.errors import BadInputError, CorruptLogError
from vapora.log.memory import MemoryLog
from vapora.log.proof import SigningKey
from vapora.platform import Platform
from vapora.vault import open_vault


@pytest.fixture
def port() -> int:
    return free_port()


def exported(data: Path, name: str = "log.jsonl") -> Path:
    file = data.parent / name
    said = invoke("export", str(file), "--data", str(data), "--json")
    assert said.code == 0, said.err
    return file


def imported(file: Path, target: Path, *more: str) -> None:
    said = invoke("import", str(file), "--data", str(target), *more)
    assert said.code == 0, said.err


def refused(file: Path, target: Target, says: str, *more: str, code: int = 1) -> None:
    said = target.invoke("import", str(file), *more)
    assert (said.code, says in said.err) == (code, True), said.err
    assert target.holds_nothing()


@pytest.mark.parametrize("name", ["log.jsonl", "log.jsonl.gz"])
def test_an_import_gives_the_same_log_texts_and_read_models(name: str, data: Path, tmp_path: Path) -> None:
    file, target = exported(data, name), tmp_path / "target"
    imported(file, target)
    with closing(opened(data)) as before, closing(opened(target)) as after:
        assert before.scan(None, 10_000) == after.scan(None, 10_000)
        models = read_models(before, tmp_path / "before.db")
        assert models == read_models(after, tmp_path / "after.db")
    blobs = [BlobStore(settings_of(folder).blob_folder("default")) for folder in (data, target)]
    assert list(blobs[0].digests()) == list(blobs[1].digests()) != []
    # Also a file that somebody put on a card, which is no text; one that is gone is told of.
    digest = sha256(SHOT).hexdigest()
    assert blobs[1].get(digest) == SHOT
    assert invoke("blobs", "verify", "--data", str(target)).code == 0
    (settings_of(target).blob_folder("default") / digest[:2] / digest).unlink()
    lost = invoke("blobs", "verify", "--data", str(target), "--json")
    assert (lost.code, [one["digest"] for one in lost.json["lost"]]) == (1, [digest])
    assert sum(map(bool, models.values())) > len(models) // 2
    assert invoke("audit", "verify", "--data", str(target)).code == 0
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_an_import_makes_is_for_its_owner_alone(data: Path, target: Target) -> None:
    assert target.invoke("import", str(exported(data))).code == 0
    made = [target.data, *target.data.rglob("*")]
    folders = [path for path in made if path.is_dir()]
    assert {str(path): path.stat().st_mode & 0o077 for path in folders} == {str(path): 0 for path in folders}


async def test_work_goes_on_where_an_export_ended(data: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    imported(exported(data), target)
    async with at_work(target) as door:
        head = await door.head()
        board = await door.ask("GET", f"/board?after={head}", 200)
        assert len(board["columns"]["done"]) == 3
        project = await door.project(name="The next")
        assert project["position"] > head
    said = invoke("audit", "verify", "--data", str(target), "--json")
    assert said.json["position"] > head


def test_an_export_goes_into_any_log(data: Path) -> None:
    log, file = MemoryLog("default"), ExportFile(exported(data))
    done = file.load(log, BlobStore(data.parent / "blobs"))
    file.close()
    with closing(opened(data)) as before:
        assert before.scan(None, 10_000) == log.scan(None, 10_000)
        assert (done.tip, log.head()) == (before.tip(), before.head())


def test_every_line_is_json_and_carries_its_digest(data: Path) -> None:
    head, *events, end = [json.loads(line) for line in exported(data).read_text().splitlines()]
    texts = [one for one in events if "blob" in one]
    events = [one for one in events if "blob" not in one]
    assert (head["format"], head["version"], head["workspace"]) == ("vapora-export", 1, "default")
    assert (head["position"], head["digest"]) == (events[-1]["position"], events[-1]["digest"])
    assert {"position", "stream", "version", "topic", "digest", "state"} == set(events[0])
    assert events[0]["state"]["ws"] == "default"
    assert end == {"end": {"events": len(events), "blobs": len(texts)}}


def test_an_export_of_a_log_that_lies_is_refused_and_leaves_no_file(there: Target) -> None:
    stored(there).change("UPDATE stored_events SET topic = 'task.failed' WHERE position = 9")
    before = {path.name for path in there.data.parent.iterdir()}
    said = there.invoke("export", str(there.data.parent / "log.jsonl"))
    assert said.code == 1
    assert "position 9" in said.err
    assert {path.name for path in there.data.parent.iterdir()} == before


def test_an_existing_file_is_not_written_over(data: Path) -> None:
    file = exported(data)
    before = file.read_bytes()
    assert invoke("export", str(file), "--data", str(data)).code == 1
    assert file.read_bytes() == before


def replaced(number: int, old: str, new: str) -> Callable[[list[str]], list[str]]:
    def run(lines: list[str]) -> list[str]:
        assert old in lines[number]
        return [*lines[:number], lines[number].replace(old, new, 1), *lines[number + 1 :]]

    return run


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (replaced(5, '"ws":"default"', '"ws":"defaulT"'), 6),
        (replaced(5, '"position":5', '"position":500'), 6),
        (replaced(5, '"position":5', '"position":"5"'), 6),
        (replaced(5, '"digest":"', '"digest":"zz'), 6),
        (replaced(5, '"version":', '"versiom":'), 6),
        (replaced(5, '"position"', "position"), 6),
        (lambda lines: [*lines[:5], "[]", *lines[6:]], 6),
        (lambda lines: [*lines[:5], "", *lines[5:]], 6),
        (lambda lines: [*lines[:5], *lines[6:]], 6),
        (lambda lines: [*lines[:5], lines[6], lines[5], *lines[7:]], 6),
        (lambda lines: [*lines[:5], lines[4], *lines[5:]], 6),
        (lambda lines: lines[:-1], None),
        (lambda lines: [*lines[:-2], lines[-1]], None),
        (lambda lines: lines[:9], 10),
        (lambda lines: [*lines, "{}"], None),
        (lambda lines: [*lines[:5], lines[5][:40]], 6),
        (lambda lines: [*lines[:-2], replaced(0, '"base64":"w7', '"base64":"w6')([lines[-2]])[0], lines[-1]], None),
        (replaced(0, '"format":"vapora-export"', '"format":"diary"'), 1),
        (replaced(0, '"digest":"', '"digest":"00'), None),
        (replaced(0, '"workspace":"default"', '"workspace":"acme"'), 2),
        (replaced(0, '"workspace":"default"', '"workspace":"../../etc"'), 1),
        (replaced(0, '"workspace":"default"', f'"workspace":"{"a" * 52}"'), 1),
        (replaced(0, '"position"', '"positiom"'), 1),
        (lambda lines: [], 1),
    ],
)
def test_a_damaged_export_is_refused_by_its_line_and_nothing_is_there(
    damage: Callable[[list[str]], list[str]], line: int | None, data: Path, target: Target
) -> None:
    file = exported(data)
    lines = damage(file.read_text().splitlines())
    file.write_text("\n".join(lines) + ("\n" if lines else ""))
    refused(file, target, "Line " if line is None else f"Line {line} of")
    assert not target.data.exists()


def test_no_flipped_bit_of_an_export_changes_what_is_imported(data: Path, tmp_path: Path) -> None:
    """Either it is refused, or it was not in what is imported (as the time of the export)."""
    file = exported(data)
    whole = file.read_bytes()
    with closing(opened(data)) as log:
        links = log.scan(None, 10_000)
    for at in range(0, len(whole) - 30_000, 997):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << at % 8
        file.write_bytes(damaged)
        log = MemoryLog("default")
        said = loaded(file, log, BlobStore(tmp_path / "blobs"))
        assert said or log.scan(None, 10_000) == links, at


def loaded(file: Path, log: MemoryLog, blobs: BlobStore) -> str:
    """What it was refused with; empty: it was taken."""
    try:
        with closing(ExportFile(file)) as opened_file:
            opened_file.load(log, blobs)
    except (CorruptLogError, BadInputError) as error:
        return str(error)
    return ""


def test_a_compressed_export_that_was_cut_or_damaged_is_refused(data: Path, target: Target) -> None:
    file = exported(data, "log.jsonl.gz")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    refused(file, target, "cannot be read")
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 4
    file.write_bytes(damaged)
    refused(file, target, "Line ")


def test_an_export_of_a_newer_version_and_no_export_at_all_are_wrong_usage(
    data: Path, target: Target, tmp_path: Path
) -> None:
    file = exported(data)
    file.write_text(file.read_text().replace('"version":1', '"version":2', 1))
    refused(file, target, "knows version 1", code=2)
    refused(tmp_path / "none", target, "cannot be read", code=2)
    refused(tmp_path, target, "cannot be read", code=2)


def test_an_import_takes_no_workspace_that_is_there_and_no_other_name(data: Path, target: Target) -> None:
    file = exported(data)
    before = contents(data / "workspaces")
    said = invoke("import", str(file), "--data", str(data))
    assert (said.code, "exists already" in said.err) == (1, True)
    assert contents(data / "workspaces") == before
    refused(file, target, "holds the workspace 'default'", "--workspace", "acme", code=2)


def test_an_import_with_a_key_that_is_none_leaves_nothing(data: Path, target: Target, tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("no key")
    said = target.invoke("import", str(exported(data)), VAPORA_AUDIT_KEY=str(tmp_path / "bad"))
    assert said.code == 2
    assert target.holds_nothing()
    assert not target.data.exists()


@pytest.mark.parametrize("command", ["export", "import", "backup"])
def test_a_full_disk_refuses_and_leaves_nothing_behind(command: str, data: Path, tmp_path: Path) -> None:
    file = exported(data)
    before, names = contents(data), {path.name for path in tmp_path.iterdir()}
    arguments = {
        "export": ["export", str(tmp_path / "new.jsonl"), "--data", str(data)],
        "import": ["import", str(file), "--data", str(tmp_path / "target")],
        "backup": ["backup", str(tmp_path / "saved"), "--data", str(data)],
    }[command]
    with no_file_grows_beyond(20_000):
        said = invoke(*arguments)
    assert said.code == 1
    assert "disk" in said.err or "file sizes" in said.err, said.err
    assert {path.name for path in tmp_path.iterdir()} == names
    assert contents(data) == before


# Everything is imported before root gives up what it may, since the interpreter itself may be root's alone.
_AS_NOBODY = """
import os, sys
import events
import vapora.archive.backup, vapora.archive.export, vapora.archive.load, vapora.log.proof.verify, vapora.startup.names
from vapora.cli.main import main
if os.geteuid() == 0:
    os.setegid(65534)
    os.seteuid(65534)
main()
"""


@pytest.mark.parametrize("command", ["export", "import", "backup"])
def test_a_folder_that_may_not_be_written_is_a_refusal(command: str, data: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        file, theirs, sealed = place / "log.jsonl", place / "data", place / "sealed"
        shutil.copy(exported(data), file)
        shutil.copytree(data, theirs)
        sealed.mkdir()
        for path in (place, file, *theirs.rglob("*"), theirs):
            path.chmod(0o777 if path.is_dir() else 0o666)
        sealed.chmod(0o555)
        arguments = {
            "export": ["export", str(sealed / "new.jsonl"), "--data", str(theirs)],
            "import": ["import", str(file), "--data", str(sealed / "target")],
            "backup": ["backup", str(sealed / "saved"), "--data", str(theirs)],
        }[command]
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
        done = subprocess.run(
            [sys.executable, "-c", _AS_NOBODY, *arguments], capture_output=True, text=True, check=False, env=environ
        )
        assert done.returncode == 1, done.stderr
        assert "writable" in done.stderr
        assert list(sealed.iterdir()) == []


def test_verify_on_a_folder_that_may_not_be_written_says_what_to_do_and_changes_nothing(data: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        theirs = Path(name) / "data"
        shutil.copytree(data, theirs)
        for path in (*theirs.rglob("*"), theirs, Path(name)):
            path.chmod(0o555 if path.is_dir() else 0o444)
        before = contents(theirs)
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
        done = subprocess.run(
            [sys.executable, "-c", _AS_NOBODY, "audit", "verify", "--data", str(theirs)],
            capture_output=True, text=True, check=False, env=environ,
        )  # fmt: skip
        assert (done.returncode, "writable for this user" in done.stderr) == (1, True), done.stderr + done.stdout
        assert contents(theirs) == before
        for path in theirs.rglob("*"):
            path.chmod(0o755)


# --- backup ---


async def test_a_backup_beside_a_running_server_restores_to_the_same_board(data: Path, tmp_path: Path) -> None:
    saved, restored = tmp_path / "saved", tmp_path / "restored"
    async with at_work(data) as door:
        project = await door.project(name="While it runs")
        said = invoke("backup", str(saved), "--data", str(data), "--json")
        assert said.code == 0, said.err
        board = await door.ask("GET", f"/board?after={project['position']}", 200)
        await door.project(name="After the backup")
    assert said.json["workspaces"]["default"]["position"] >= project["position"]
    assert invoke("audit", "verify", "--data", str(saved)).code == 0
    shutil.copytree(saved, restored)
    async with at_work(restored) as door:
        again = await door.ask("GET", f"/board?after={project['position']}", 200)
        assert again["columns"] == board["columns"]
        projects = await door.ask("GET", "/projects", 200)
        assert "While it runs" in {one["name"] for one in projects["items"]}
        assert "After the backup" not in {one["name"] for one in projects["items"]}
    assert invoke("audit", "verify", "--data", str(restored)).code == 0


def test_a_backup_holds_what_is_needed_and_nothing_that_others_may_read(data: Path, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    secret = settings_of(data).webhook_secrets("default") / "webhook-1"
    durable.write(secret, b"whsec_x")
    assert invoke("backup", str(saved), "--data", str(data)).code == 0
    secret.unlink()  # of no webhook
    names = {str(path.relative_to(saved)): path.stat().st_mode & 0o077 for path in saved.rglob("*") if path.is_file()}
    blobs = {name for name in names if "/blobs/" in name}
    assert names.keys() - blobs == {
        "backup.json",
        "audit_key",
        "audit_key.pub",
        "workspaces/default/log.db",
        "workspaces/default/checkpoints.jsonl",
        "workspaces/default/webhooks/secrets/webhook-1",
        "workspaces/_people/log.db",
        "workspaces/_people/checkpoints.jsonl",
        "people/people.db",
    }
    assert len(blobs) >= 1
    assert names["workspaces/default/webhooks/secrets/webhook-1"] == 0
    assert saved.stat().st_mode & 0o077 == 0
    assert names["audit_key"] == names["workspaces/default/log.db"] == names["people/people.db"] == 0


async def test_who_could_sign_in_can_after_a_restoration(data: Path, tmp_path: Path) -> None:
    saved, restored = tmp_path / "saved", tmp_path / "restored"
    async with at_work(data) as door:
        house = await set_up(door)
        assert invoke("backup", str(saved), "--data", str(data)).code == 0
    shutil.copytree(saved, restored)
    async with at_work(restored) as door:
        tokens = await door.ask("POST", "/auth/login", 200, {"email": EMAIL, "password": PASSWORD})
        me = await door.ask("GET", "/auth/me", 200, headers=bearer(tokens))
        assert (me["name"], me["email"]) == ("Ada Lovelace", EMAIL)
        # The session of before the backup goes on as well; its access token was signed with a key that is not in it.
        await door.ask("POST", "/auth/refresh", 200, {"refresh_token": house.owner.refresh_token})


async def test_what_was_archived_deleted_and_kept_secret_is_so_after_a_restoration(data: Path, tmp_path: Path) -> None:
    saved, restored = tmp_path / "saved", tmp_path / "restored"
    async with at_work(data) as door:
        house = await set_up(door)
        owner = bearer(house.owner)
        for name in ("kept", "gone"):
            await door.ask("POST", "/workspaces", 201, {"name": name.title(), "id": name}, headers=owner)
        await door.ask("PUT", "/secrets/deploy-key", 200, {"value": "s3cret-canary"}, headers=owner)
        await door.ask("PATCH", "/workspaces/kept", 200, {"archived": True}, headers=owner)
        await door.ask("DELETE", "/workspaces/gone", 200, headers=owner)
        assert invoke("backup", str(saved), "--data", str(data)).code == 0
    assert {path.name for path in (saved / "cells").iterdir()} >= {"kept.json", "gone.json"}
    assert (saved / "vault.db").exists() and not (saved / "vault_key").exists()
    shutil.copytree(saved, restored)
    # It was kept elsewhere.
    shutil.copy2(data / "vault_key", restored / "vault_key")
    async with at_work(restored) as door:
        tokens = await door.ask("POST", "/auth/login", 200, {"email": EMAIL, "password": PASSWORD})
        owner, kept = bearer(tokens), {"Vapora-Workspace": "kept"}
        await door.ask("GET", "/projects", 200, headers=owner | kept)
        refused = await door.ask("POST", "/projects", 409, {"name": "Parser"}, headers=owner | kept)
        assert refused["code"] == "workspace-archived"
        await door.ask("GET", "/projects", 404, headers=owner | {"Vapora-Workspace": "gone"})
        await door.ask("POST", "/workspaces", 409, {"name": "Gone", "id": "gone"}, headers=owner)
        vault = open_vault(settings_of(restored))
        found = vault.get("default", "deploy-key")
        assert found is not None and found[0].get_secret_value() == "s3cret-canary"
        vault.close()


def test_no_backup_is_made_of_a_log_that_lies(data: Path, tmp_path: Path) -> None:
    change(data, "UPDATE stored_events SET originator_version = 77 WHERE position = 9")
    said = invoke("backup", str(tmp_path / "saved"), "--data", str(data))
    assert said.code == 1
    assert "Position 9" in said.err
    assert not (tmp_path / "saved").exists()


def test_a_backup_goes_into_no_folder_that_holds_something(data: Path, tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "mine").write_text("x")
    assert invoke("backup", str(tmp_path / "saved"), "--data", str(data)).code == 1
    assert contents(tmp_path / "saved") == {"mine": b"x"}
    assert invoke("backup", str(tmp_path / "other"), "--data", str(tmp_path / "nothing")).code == 2


# --- audit verify, on files ---


def change(data: Path, *statements: str) -> None:
    with closing(sqlite3.connect(settings_of(data).log_file("default"))) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_verify_passes_on_what_was_left_alone(there: Target) -> None:
    said = there.invoke("audit", "verify", "--json")
    assert (said.code, said.json["ok"], said.json["first_bad_position"]) == (0, True, None)
    assert said.json["checkpoints"] >= 2
    assert "follow one from the other" in " ".join(there.invoke("audit", "verify").out.split())


async def test_verify_works_beside_a_running_server(there: Target) -> None:
    async with at_work(there.data, there.url) as door:
        position = (await door.project())["position"]
        said = there.invoke("audit", "verify", "--json")
        assert said.code == 0
        assert said.json["position"] >= position
        assert (await door.project())["position"] > position


def stored(there: Target) -> Stored:
    return Stored(there.settings.log_place("default"))


def test_verify_names_the_first_bad_position(there: Target) -> None:
    for position in range(10, 20):
        stored(there).flip("state", position, 90)
    stored(there).change("UPDATE stored_events SET topic = 'x' WHERE position = 8")
    said = there.invoke("audit", "verify", "--json")
    assert (said.code, said.json["first_bad_position"]) == (1, 8)
    assert "Position 8" in there.invoke("audit", "verify").out


def test_verify_says_that_a_tail_was_cut(there: Target) -> None:
    stored(there).cut(20)
    said = there.invoke("audit", "verify", "--json")
    assert (said.code, said.json["first_bad_position"]) == (1, 21)
    assert "tail was cut" in said.json["fault"]
    assert there.invoke("audit", "verify", "--chain-only").code == 0


def test_verify_refuses_a_missing_and_another_key(there: Target, tmp_path: Path) -> None:
    key = there.data / "audit_key.pub"
    key.rename(tmp_path / "kept.pub")
    said = there.invoke("audit", "verify")
    assert (said.code, "--key" in said.err) == (2, True)
    assert there.invoke("audit", "verify", "--key", str(tmp_path / "kept.pub")).code == 0
    SigningKey.open(tmp_path / "other")
    said = there.invoke("audit", "verify", "--key", str(tmp_path / "other.pub"))
    assert (said.code, "another key" in said.err) == (2, True)


def test_verify_refuses_checkpoints_that_were_changed_or_taken_away(there: Target, tmp_path: Path) -> None:
    file = there.settings.checkpoint_file("default")
    shutil.copy(file, tmp_path / "kept.jsonl")
    file.write_text(file.read_text().replace('"position":0', '"position":1'))
    said = there.invoke("audit", "verify")
    assert (said.code, "was changed" in said.err) == (1, True)
    file.unlink()
    said = there.invoke("audit", "verify")
    assert (said.code, "no signed checkpoints" in said.err) == (1, True)
    assert there.invoke("audit", "verify", "--checkpoints", str(tmp_path / "kept.jsonl")).code == 0


def test_verify_has_nothing_to_work_on_where_there_is_no_log(tmp_path: Path) -> None:
    assert invoke("audit", "verify", "--data", str(tmp_path / "nothing")).code == 2


def test_a_file_is_read_as_compressed_by_what_it_is_and_not_by_its_name(data: Path, tmp_path: Path) -> None:
    file = exported(data)
    (tmp_path / "renamed.jsonl").write_bytes(gzip.compress(file.read_bytes()))
    imported(tmp_path / "renamed.jsonl", tmp_path / "target")


def test_a_server_does_not_start_on_a_log_whose_tail_was_cut_and_says_what_to_do(there: Target, port: int) -> None:
    stored(there).cut(20)
    platform = Platform(there.settings.model_copy(update={"port": port}), {})
    with pytest.raises(CorruptLogError, match=r"no longer holds what was signed.*audit verify.*backup"):
        platform.start()
    assert there.invoke("audit", "verify", "--json").json["first_bad_position"] == 21


def test_why_and_who_are_asked_of_a_running_server(data: Path, port: int) -> None:
    platform = Platform(settings_of(data).model_copy(update={"port": port}), {})
    url = platform.start().api.removesuffix("/api/v1")
    try:
        found = invoke("audit", "list", "--resource", "task", "--action", "complete", "--json", VAPORA_URL=url)
        assert len(found.json["items"]) == 3
        position = str(found.json["items"][0]["position"])
        told = invoke("log", "why", position, VAPORA_URL=url)
        assert "task.submitted" in told.out
        assert "asked for by" in told.out
    finally:
        platform.stop()
