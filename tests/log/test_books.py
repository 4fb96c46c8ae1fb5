"""Checkpoints and saved folds are kept where every node sees them: one proof, whichever node signs."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.blobs.conftest import bucket, environment, s3
from tests.log.test_snapshots import SAVED, Counted
from vapora.errors import ConfigurationError, CorruptLogError
from vapora.log.chain import Tip
from vapora.log.folds import SnapshotStore
from vapora.log.proof import CheckpointBook, SigningKey, Verifier, carry_over, checkpoints, public_path
from vapora.log.proof.books import CheckpointObjects
from vapora.log.sqlite import SQLiteLog
from vapora.objects import S3Objects, Where
from vapora.settings import Settings

__all__ = ["bucket", "environment", "s3"]
ROOT = Path(__file__).parents[2]
AT = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.fixture(params=["file", "objects"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Where:
    if request.param == "file":
        return tmp_path / "checkpoints.jsonl"
    return S3Objects(request.getfixturevalue("bucket"), "some/prefix")


def tip(position: int) -> Tip:
    return Tip(position, bytes([position % 251]) * 32)


def test_what_two_nodes_signed_with_one_key_is_one_proof(where: Where, tmp_path: Path) -> None:
    key = tmp_path / "audit_key"
    SigningKey.open(key)
    first, second = (CheckpointBook(where, "acme", SigningKey.open(key)) for _ in "ab")
    for book, position in ((first, 1), (second, 9), (first, 10), (second, 1_100)):
        book.sign(tip(position), AT)
    read = checkpoints.read(where)
    assert [one.position for one in read] == [1, 9, 10, 1_100]
    assert checkpoints.fault(read, "acme", Verifier.beside(key)) is None


@pytest.fixture
def log(tmp_path: Path) -> SQLiteLog:
    return SQLiteLog.open(tmp_path / "log.db", "acme", lambda: AT)


def test_a_node_with_another_key_does_not_open_the_log(where: Where, log: SQLiteLog, tmp_path: Path) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    CheckpointBook(where, "acme", SigningKey.open(own)).sign(log.tip(), AT)
    CheckpointBook(where, "acme", SigningKey.open(own)).require_whole(log)
    with pytest.raises(ConfigurationError, match="by another key") as refused:
        CheckpointBook(where, "acme", SigningKey.open(other)).require_whole(log)
    assert "VAPORA_AUDIT_KEY" in refused.value.remedy
    # Replaced on purpose: the old public key stands beside the new one.
    public_path(other).write_bytes(public_path(own).read_bytes() + public_path(other).read_bytes())
    CheckpointBook(where, "acme", SigningKey.open(other)).require_whole(log)


def test_a_log_that_ends_before_the_newest_checkpoint_is_found(where: Where, log: SQLiteLog, tmp_path: Path) -> None:
    book = CheckpointBook(where, "acme", SigningKey.open(tmp_path / "key"))
    book.require_whole(log)
    book.sign(tip(3), AT)
    book.sign(tip(2_000), AT)
    with pytest.raises(CorruptLogError, match="position 2000 is missing"):
        book.require_whole(log)


def test_what_was_signed_into_a_file_is_in_the_store_from_then_on(bucket: str, tmp_path: Path) -> None:
    file, key, objects = tmp_path / "checkpoints.jsonl", SigningKey.open(tmp_path / "key"), S3Objects(bucket, "acme")
    for position in (1, 7, 30):
        CheckpointBook(file, "acme", key).sign(tip(position), AT)
    signed = checkpoints.read(file)
    # One that was cut off after the first, and two that come later.
    CheckpointObjects(objects).add(signed[0])
    carry_over(file, objects)
    carry_over(file, objects)
    assert checkpoints.read(objects) == signed
    assert not file.exists() and len(checkpoints.read(tmp_path / "checkpoints.jsonl.moved")) == 3


def test_an_object_that_is_no_checkpoint_is_named(bucket: str, tmp_path: Path) -> None:
    objects = S3Objects(bucket, "acme")
    objects.write("x.json", b"{}\n")
    with pytest.raises(CorruptLogError, match=r"acme/x\.json is no checkpoint"):
        checkpoints.read(objects)


_OPEN = """
import sys; from pathlib import Path; from vapora.log.proof import SigningKey, Verifier
path = Path(sys.argv[1]); key = SigningKey.open(path)
print(key.id, Verifier.beside(path).proves(key.id, b"m", key.sign(b"m")))
"""


def test_a_mounted_key_is_used_as_it_is_where_its_folder_cannot_be_written() -> None:
    """As a secret of Kubernetes: alone, readable to a group, and in a folder that takes nothing."""
    as_user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="vapora-") as above:
        path = Path(above) / "secrets" / "audit_key"
        made = SigningKey.open(path)
        public_path(path).unlink()
        path.chmod(0o440)
        if as_user:
            os.chown(path, 0, 65534)
        Path(above).chmod(0o755)
        path.parent.chmod(0o555)
        done = subprocess.run(
            [*as_user, sys.executable, "-c", _OPEN, str(path)], capture_output=True, text=True, cwd=ROOT, timeout=240
        )
        assert done.stdout.split() == [made.id, "True"], done.stderr
        assert not public_path(path).exists()
        path.parent.chmod(0o755)


def test_a_saved_fold_is_found_by_whoever_starts_elsewhere(bucket: str) -> None:
    def store() -> SnapshotStore[Counted]:
        return SnapshotStore(S3Objects(bucket, "folds"), "counted", "counted-1", Counted)

    assert store().load() is None
    assert store().save(SAVED)
    assert store().load() == SAVED
    assert store().save(replace(SAVED, version=4))
    assert store().load() == replace(SAVED, version=4)


def test_a_store_that_is_away_costs_a_fold_from_the_beginning_and_nothing_else(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    away: SnapshotStore[Counted] = SnapshotStore(S3Objects(bucket, "folds"), "counted", "counted-1", Counted)
    assert away.load() is None
    assert not away.save(SAVED)


def test_all_of_it_goes_to_the_store_that_the_settings_name(tmp_path: Path) -> None:
    at_home = Settings(data=tmp_path)
    assert at_home.checkpoints("acme") == tmp_path / "workspaces" / "acme" / "checkpoints.jsonl"
    assert at_home.snapshots("acme") == tmp_path / "workspaces" / "acme" / "snapshots"
    assert at_home.exports() is None and at_home.outboxes("acme") is None
    shared = Settings(data=tmp_path, blobs_url="s3://bucket/some")
    named: list[Callable[[], object]] = [
        lambda: shared.checkpoints("acme"),
        lambda: shared.snapshots("acme"),
        lambda: shared.stream_snapshots("acme"),
        lambda: shared.outboxes("acme"),
        shared.exports,
    ]
    assert [str(one()) for one in named] == [
        "s3://bucket/some/_vapora/checkpoints/acme",
        "s3://bucket/some/_vapora/snapshots/acme",
        "s3://bucket/some/_vapora/snapshots/acme/streams",
        "s3://bucket/some/_vapora/outboxes/acme",
        "s3://bucket/some/_vapora/exports",
    ]
    apart = Settings(blobs_url="s3://bucket/some", checkpoints_url="s3://locked")
    assert str(apart.checkpoints("acme")) == "s3://locked/acme"
