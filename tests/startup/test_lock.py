from __future__ import annotations

import os
from pathlib import Path

import pytest

from vapora.startup import lock


def test_a_folder_is_held_by_one_and_says_by_whom(tmp_path: Path) -> None:
    held = lock.take(tmp_path)
    held.say(lock.Owner(pid=os.getpid(), url="http://127.0.0.1:8000", version="1", log="x"))

    with pytest.raises(lock.InUseError) as error:
        lock.take(tmp_path)
    assert f"in use by process {os.getpid()}" in str(error.value)
    assert error.value.details["owner"].url == "http://127.0.0.1:8000"
    assert lock.owner(tmp_path) == error.value.details["owner"]

    held.release()
    assert lock.owner(tmp_path) is None
    lock.take(tmp_path).release()


def test_what_a_dead_owner_wrote_counts_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text('{"pid":1,"url":"http://127.0.0.1:8000"}')

    assert lock.owner(tmp_path) is None
    lock.take(tmp_path).release()


def test_an_owner_that_says_nothing_of_itself_holds_it_all_the_same(tmp_path: Path) -> None:
    held = lock.take(tmp_path)
    held.file.truncate(0)

    with pytest.raises(lock.InUseError, match="another process"):
        lock.take(tmp_path)
    assert lock.owner(tmp_path) is None
    held.release()


def test_a_folder_that_was_never_used_has_no_owner(tmp_path: Path) -> None:
    assert lock.owner(tmp_path / "none") is None
    assert not (tmp_path / "none").exists()
