"""`vapora blobs` on a data folder, with nothing running."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from events.run import ArtifactRecorded
from events.workspace import RequestAccepted
from tests.cli.test_offline import write
from vapora.blobs import BlobStore
from vapora.settings import Settings

Run = Callable[..., Any]


@pytest.fixture
def data(settings: Settings) -> Path:
    """Two texts of two days ago; an event names one of them."""
    store = BlobStore(settings.blob_folder("default"))
    named, _ = store.content("named " * 2_000), store.content("orphan " * 2_000)
    write(
        settings,
        "run:r",
        ArtifactRecorded(run_id="r", task_id="t", name="work.md", kind="text", content=named),
    )
    for path in settings.blob_folder("default").rglob("*"):
        two_days_ago = path.stat().st_mtime - 2 * 86_400
        os.utime(path, (two_days_ago, two_days_ago))
    return settings.data


def texts(data: Path) -> list[str]:
    return sorted(path.read_text()[:6] for path in data.rglob("blobs/*/*"))


def test_it_shows_what_would_go_and_removes_it_when_told_to(alone: Run, data: Path) -> None:
    shown = alone("blobs", "collect", "--data", str(data))
    assert shown.code == 0 and "Nothing was removed" in shown.out
    assert texts(data) == ["named ", "orphan"]
    removed = alone("blobs", "collect", "--delete", "--json", "--data", str(data)).json
    assert (removed["removed"], removed["named"], removed["bytes"]) == (1, 1, 14_000)
    assert texts(data) == ["named "]
    assert "0 of 1 texts" in alone("blobs", "collect", "--data", str(data)).out


def test_what_is_younger_than_asked_for_stays(alone: Run, data: Path) -> None:
    answer = alone("blobs", "collect", "--delete", "--older-than-h", "72", "--json", "--data", str(data)).json
    assert (answer["orphans"], answer["young"], answer["removed"]) == ([], 1, 0)
    assert texts(data) == ["named ", "orphan"]


def test_bad_input_is_refused_and_nothing_is_removed(alone: Run, data: Path) -> None:
    assert alone("blobs", "collect", "--delete", "--older-than-h", "0", "--data", str(data)).code == 2
    bad = alone("blobs", "collect", "--data", str(data), VAPORA_BLOBS_URL="s3://key:secret@bucket")
    assert bad.code == 2 and "VAPORA_BLOBS_URL" in bad.err and "secret" not in bad.err
    assert alone("blobs", "collect", "--data", str(data / "none")).code == 2
    assert texts(data) == ["named ", "orphan"]


def test_texts_that_events_name_are_proved(alone: Run, data: Path, settings: Settings) -> None:
    # A digest that names no text of ours must not be missed.
    write(settings, "request:r", RequestAccepted(key_digest="0" * 40, body_digest="0" * 64, answer_id="a"))
    whole = alone("blobs", "verify", "--data", str(data), "--json")
    assert (whole.code, whole.json["ok"], whole.json["texts"], whole.json["lost"]) == (0, True, 1, [])
    [named] = [path for path in data.rglob("blobs/*/*") if path.read_text().startswith("named ")]

    named.write_text(named.read_text().replace("named", "other"))
    changed = alone("blobs", "verify", "--data", str(data), "--json")
    named.unlink()
    missing = alone("blobs", "verify", "--data", str(data), "--json")

    for said, fault in ((changed, "it was changed"), (missing, "it is missing")):
        assert (said.code, said.json["ok"]) == (1, False)
        assert said.json["lost"] == [{"digest": named.name, "position": 1, "fault": fault}]
    assert "Restore them from a backup" in alone("blobs", "verify", "--data", str(data)).out
    assert alone("blobs", "verify", "--data", str(data / "nothing")).code == 2
