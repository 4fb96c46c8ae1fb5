from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vapora import durable
from vapora.file_lock import lock


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def test_a_file_is_replaced_as_a_whole_and_leaves_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "file"
    durable.write(path, b"one")
    durable.write(path, b"two")
    assert path.read_bytes() == b"two"
    assert names(path.parent) == ["file"]
    assert [folder.stat().st_mode & 0o777 for folder in (path, path.parent, path.parent.parent)] == [
        0o600,
        0o700,
        0o700,
    ]


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    durable.write(path, b"one")
    with pytest.raises(ZeroDivisionError), durable.draft(path) as draft:
        draft.write_bytes(b"two")
        raise ZeroDivisionError
    assert path.read_bytes() == b"one"
    assert names(tmp_path) == ["file"]


def test_of_many_that_make_a_file_one_does_and_the_others_see_its_content(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: durable.write_new(path, b"%d" % number), range(32)))
    assert made.count(True) == 1
    assert path.read_bytes() == b"%d" % made.index(True)
    assert names(tmp_path) == ["file"]


def test_what_a_crash_left_beside_a_file_is_cleared_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with durable.draft(path) as draft:
        left = draft.with_name(draft.name + "1")
        left.touch()
    for other in (path, tmp_path / "other", tmp_path / ".other.1"):
        other.touch()
    durable.clear_drafts(path)
    assert names(tmp_path) == [".other.1", "file", "other"]


def test_a_lock_excludes_another_holder_until_it_is_closed_and_shared_ones_share(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("a") as one, path.open("a") as two:
        assert lock(one)
        assert not lock(two, patience_s=0.1)
        assert not lock(two, shared=True)
    with path.open("a") as one, path.open("a") as two:
        assert lock(one, shared=True)
        assert lock(two, shared=True)
