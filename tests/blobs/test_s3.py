"""What is particular to an S3-compatible store: who may, what it says when it cannot, and what it never says."""

from __future__ import annotations

import hashlib
import traceback
from contextlib import closing
from pathlib import Path

import pytest
from obstore.store import S3Store
from pydantic import SecretStr

from tests.blobs.conftest import KEY, SECRET
from vapora.archive.export import export
from vapora.archive.importer import import_new
from vapora.archive.load import ExportFile
from vapora.blobs import BlobStore, open_blobs
from vapora.blobs.s3 import S3BlobStore
from vapora.clock import now
from vapora.errors import ConfigurationError, CorruptLogError, LogError
from vapora.log.proof import checkpoints
from vapora.log.sqlite import SQLiteLog
from vapora.objects import S3Objects, check_url
from vapora.settings import Settings

TEXT = b"x" * 10_000
DIGEST = hashlib.sha256(TEXT).hexdigest()


def plain(bucket: str) -> S3Store:
    """The bucket as anybody with the keys sees it."""
    return S3Store(bucket, client_options={"allow_http": True})


def told(error: BaseException) -> str:
    """All that a log could show of it."""
    return "".join(traceback.format_exception(error)) + repr(error)


def test_objects_stand_below_prefix_and_workspace(bucket: str, tmp_path: Path) -> None:
    store = open_blobs(f"s3://{bucket}/a/b/", tmp_path, "acme")
    digest = store.put(TEXT)
    assert bytes(plain(bucket).get(f"a/b/acme/{digest[:2]}/{digest}").bytes()) == TEXT


def test_an_object_that_was_changed_is_not_given_out(bucket: str) -> None:
    store = S3BlobStore(S3Objects(bucket, "acme"))
    store.put(TEXT)
    plain(bucket).put(f"acme/{DIGEST[:2]}/{DIGEST}", b"y" * len(TEXT))
    with pytest.raises(CorruptLogError, match="not the one that was stored"):
        store.get(DIGEST)


def test_an_object_cut_short_is_mended_by_putting_it_again(bucket: str) -> None:
    store = S3BlobStore(S3Objects(bucket, "acme"))
    plain(bucket).put(f"acme/{DIGEST[:2]}/{DIGEST}", b"y")
    store.put(TEXT)
    assert store.get(DIGEST) == TEXT


def test_foreign_objects_below_the_prefix_are_left_alone(bucket: str) -> None:
    plain(bucket).put("acme/notes.txt", b"y")
    assert list(S3BlobStore(S3Objects(bucket, "acme")).stored()) == []


@pytest.mark.usefixtures("environment")
def test_a_bucket_that_does_not_exist_is_told(bucket: str) -> None:
    store = S3BlobStore(S3Objects(f"{bucket}-other", "acme"))
    with pytest.raises(LogError, match="no bucket"):
        store.put(TEXT)
    with pytest.raises(LogError):
        list(store.stored())


def test_a_store_that_does_not_answer_is_told_without_the_key(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    store = S3BlobStore(S3Objects(bucket, "acme"))
    for ask in (lambda: store.put(TEXT), lambda: store.get(DIGEST)):
        with pytest.raises(LogError, match="does not answer") as caught:
            ask()
        assert "AWS_ENDPOINT_URL" in str(caught.value)
        assert not any(secret in told(caught.value) for secret in (KEY, SECRET))


def test_a_refusal_that_repeats_the_key_does_not_get_into_our_errors(
    bucket: str, monkeypatch: pytest.MonkeyPatch, refusing: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", refusing)
    with pytest.raises(LogError, match="refuses access") as caught:
        S3BlobStore(S3Objects(bucket, "acme")).put(TEXT)
    assert not any(secret in told(caught.value) for secret in (KEY, SECRET))
    assert not any(secret in repr(vars(S3BlobStore(S3Objects(bucket, "acme")))) for secret in (KEY, SECRET))


@pytest.mark.parametrize(
    "url",
    ["http://x", "s3://", "s3://UPPER", "s3://key:secret@bucket/x", "/folder", "s3://bucket/x?y", "s3://bucket/ü"],
)
def test_a_bad_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_url(url)
    assert "secret" not in str(caught.value) and "s3://bucket/prefix" in str(caught.value)


def test_a_url_needs_no_prefix() -> None:
    assert check_url("s3://bucket") == check_url("s3://bucket/") == ("bucket", "")
    assert check_url("s3://bucket/a/b/") == ("bucket", "a/b")


@pytest.mark.parametrize("kind", ["folder", "database"])
def test_an_import_puts_the_texts_where_the_settings_say(
    kind: str, bucket: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    source = Settings(data=tmp_path / "source")
    SQLiteLog.open(source.log_file("default"), "default").close()
    BlobStore(source.blob_folder("default")).put(TEXT)
    log, file = SQLiteLog.open_for_reading(source.log_file("default")), tmp_path / "log.jsonl"
    export(log, BlobStore(source.blob_folder("default")), "default", file, now(), "1")
    log.close()
    url = SecretStr(request.getfixturevalue("database_url")) if kind == "database" else None
    target = Settings(data=tmp_path / "target", database_url=url, blobs_url=f"s3://{bucket}/far")
    with closing(ExportFile(file)) as export_file:
        assert import_new(export_file, target, now).blobs == 1
    assert open_blobs(target.blobs_url, tmp_path, "default").get(DIGEST) == TEXT
    assert not target.blob_folder("default").exists()
    assert len(checkpoints.read(target.checkpoints("default"))) == 1
