from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from events.content import INLINE_LIMIT_BYTES, Content
from vapora.blobs import BlobStore
from vapora.errors import CorruptLogError, LogError, NotFoundError

LARGE = "ü" * INLINE_LIMIT_BYTES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cell" / "blobs"


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_small_text_stays_inline_up_to_the_limit_in_bytes(folder: Path) -> None:
    store = BlobStore(folder)
    for text in ("", "hello", "x" * INLINE_LIMIT_BYTES, "ü" * (INLINE_LIMIT_BYTES // 2)):
        content = store.content(text)
        assert content == Content(text=text, size=len(text.encode()))
        assert store.text(content) == text
    assert not folder.exists()


def test_half_a_character_does_not_cost_us_the_rest_of_a_text(folder: Path) -> None:
    store = BlobStore(folder)
    assert store.text(store.content("a\ud83d")) == "a?"
    assert store.text(store.content(LARGE + "\ud83d")) == LARGE + "?"


def test_a_large_text_is_stored_under_its_digest_for_its_owner_alone(folder: Path) -> None:
    store = BlobStore(folder)
    content = store.content(LARGE)
    assert content == Content(digest=hashlib.sha256(LARGE.encode()).hexdigest(), size=2 * INLINE_LIMIT_BYTES)
    assert BlobStore(folder).text(content) == LARGE
    [file] = files(folder)
    assert (file.name, file.stat().st_mode & 0o777) == (content.digest, 0o600)


def test_putting_the_same_again_changes_nothing(folder: Path) -> None:
    store = BlobStore(folder)
    first = store.content(LARGE)
    [file] = files(folder)
    written = file.stat().st_mtime_ns
    assert store.content(LARGE) == first
    assert [path.stat().st_mtime_ns for path in files(folder)] == [written]


def test_a_text_that_was_changed_is_not_given_out(folder: Path) -> None:
    store = BlobStore(folder)
    content = store.content(LARGE)
    [file] = files(folder)
    file.write_bytes(b"x" * content.size)
    with pytest.raises(CorruptLogError, match="not the one that was stored"):
        store.text(content)


def test_a_file_cut_short_is_mended_by_putting_it_again(folder: Path) -> None:
    store = BlobStore(folder)
    content = store.content(LARGE)
    [file] = files(folder)
    file.write_bytes(b"x")
    store.content(LARGE)
    assert store.text(content) == LARGE


def test_a_text_that_is_not_there_is_not_found(folder: Path) -> None:
    store = BlobStore(folder)
    for digest in ("0" * 64, "../../etc/passwd", ""):
        with pytest.raises(NotFoundError):
            store.get(digest)


def test_a_folder_that_cannot_be_written_is_told_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("a file")
    with pytest.raises(LogError, match="writable"):
        BlobStore(tmp_path / "blobs").content(LARGE)


def test_nothing_half_written_is_left_behind(folder: Path) -> None:
    store = BlobStore(folder)
    digest = hashlib.sha256(LARGE.encode()).hexdigest()
    # A folder in the way: the rename fails after the text was written.
    (folder / digest[:2] / digest).mkdir(parents=True)
    with pytest.raises(LogError):
        store.content(LARGE)
    assert files(folder) == []
