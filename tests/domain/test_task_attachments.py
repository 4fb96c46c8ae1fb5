"""The files on a card."""

from __future__ import annotations

import pytest

from events.base import DomainEvent
from events.task import AttachmentAdded, AttachmentRemoved, TaskCompleted
from tests.domain.test_task import SUBMITTED
from vapora.commands import AttachFile, DetachFile
from vapora.domain import task as tasks
from vapora.domain.task_attachments import MOST_ATTACHMENTS, attach, detach
from vapora.errors import ConflictError, NotFoundError

SHOT = AttachFile(name="shot.png", digest="a" * 64, size=10, media_type="image/png", width=4, height=3)


def _after(*events: DomainEvent) -> tasks.Task | None:
    return tasks.fold([SUBMITTED, *events])


def _added(command: AttachFile = SHOT) -> tuple[DomainEvent, ...]:
    return attach(_after(), command)


def test_a_file_is_added_with_what_it_is() -> None:
    [event] = _added()
    assert isinstance(event, AttachmentAdded)
    assert event.attachment.content.digest == "a" * 64
    task = _after(event)
    assert task is not None
    assert [one.name for one in task.attachments] == ["shot.png"]


def test_the_same_file_again_changes_nothing() -> None:
    assert attach(_after(*_added()), SHOT) == ()


def test_a_name_that_is_taken_by_another_file_is_refused() -> None:
    with pytest.raises(ConflictError, match=r"another file called 'shot\.png'"):
        attach(_after(*_added()), SHOT.model_copy(update={"digest": "b" * 64}))


def test_a_card_has_so_many_files_and_no_more() -> None:
    events: tuple[DomainEvent, ...] = ()
    for number in range(MOST_ATTACHMENTS):
        events += attach(_after(*events), SHOT.model_copy(update={"name": f"{number}.png"}))
    with pytest.raises(ConflictError, match="no more fit"):
        attach(_after(*events), SHOT)


def test_a_file_is_removed_by_its_name_and_its_name_is_free_again() -> None:
    removed = detach(_after(*_added()), DetachFile(name="shot.png"))
    assert removed == (AttachmentRemoved(task_id="t1", name="shot.png"),)
    after = _after(*_added(), *removed)
    assert after is not None
    assert after.attachments == ()
    assert attach(after, SHOT.model_copy(update={"digest": "b" * 64}))


def test_a_file_that_is_not_there_cannot_be_removed() -> None:
    with pytest.raises(NotFoundError, match=r"no file called 'other\.png'"):
        detach(_after(), DetachFile(name="other.png"))


def test_a_card_that_is_done_keeps_its_files_as_they_are() -> None:
    done = _after(*_added(), TaskCompleted(task_id="t1", run_id="r1"))
    with pytest.raises(ConflictError, match="files stay as they are"):
        attach(done, SHOT)
    with pytest.raises(ConflictError, match="files stay as they are"):
        detach(done, DetachFile(name="shot.png"))


@pytest.mark.parametrize("name", ["a/b.png", "..", "a\\b.png", "a\x00.png", "", " ", "evil\u202egnp.exe", "x" * 201])
def test_a_name_that_is_no_name_of_a_file_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        AttachFile(name=name, digest="a" * 64, size=1, media_type="text/plain")
