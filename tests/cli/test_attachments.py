"""`vapora task attach|attachments|download|detach`, against a real server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.domain.test_media import PNG


@pytest.fixture
def project(vapora: Run) -> str:
    return str(vapora("project", "add", "Files", "--same-name", "--json").json["id"])


def test_files_are_put_on_a_card_listed_read_and_taken_off(vapora: Run, project: str, tmp_path: Path) -> None:
    (tmp_path / "shot.png").write_bytes(PNG)
    (tmp_path / "notes.txt").write_text("Click twice.\n")
    task = vapora("task", "add", "Look at the picture", "--project", project, "--review", "human", "-q").out.strip()
    assert vapora("task", "wait", task, "--timeout", "60").code == 0

    said = vapora("task", "attach", task, str(tmp_path / "shot.png"), str(tmp_path / "notes.txt"))
    assert said.code == 0, said.err
    assert "Attached shot.png: image/png, 640 × 480." in said.out
    listed = vapora("task", "attachments", task, "--json").json["items"]
    assert [one["name"] for one in listed] == ["shot.png", "notes.txt"]
    copy = tmp_path / "copy.png"
    assert vapora("task", "download", task, "shot.png", "-o", str(copy)).code == 0
    assert copy.read_bytes() == PNG
    again = vapora("task", "download", task, "shot.png", "-o", str(copy))
    assert (again.code, "cannot be written" in again.err) == (2, True)
    assert vapora("task", "detach", task, "shot.png").code == 0
    assert "shot.png" not in vapora("task", "attachments", task).out
    missing = vapora("task", "attach", task, str(tmp_path / "none.png"))
    assert (missing.code, "cannot be read" in missing.err) == (2, True)


def test_a_card_that_is_handed_in_with_files_begins_with_all_of_them(vapora: Run, project: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Click twice.\n")
    said = vapora(
        *("task", "add", "Read the notes", "--project", project, "--review", "human", "-q"),
        *("--attach", str(tmp_path / "notes.txt")),
    )
    assert said.code == 0, said.err
    task = said.out.strip()
    assert vapora("task", "wait", task, "--timeout", "60").code == 0
    card = vapora("task", "show", task, "--json").json
    assert (card["attachments"], card["assignee"]) == (1, None)
    events = vapora("log", "tail", "--json").out
    assert events.index('"task.attachment-added"') < events.rindex('"run.started"')
