from __future__ import annotations

import pytest
from pydantic import ValidationError

from events.task import TaskEdited, TaskLabelled, TaskSubmitted
from vapora.commands import EditTask, SubmitTask
from vapora.domain import task as tasks
from vapora.domain.project import Project

PROJECT = Project(id="p", name="P")


def submitted(*labels: str) -> tasks.Events:
    command = SubmitTask(project_id="p", title="Write it", labels=labels)
    return tasks.submit("t1", command, PROJECT, "code", "", ("developer",), ("code",), ("developer",))


def test_a_new_task_bears_its_labels_each_once() -> None:
    first, second = submitted("mobile", "sprint 7", "mobile")
    assert isinstance(first, TaskSubmitted)
    assert second == TaskLabelled(task_id="t1", labels=("mobile", "sprint 7"))
    assert len(submitted()) == 1


def test_labels_are_changed_as_a_whole_and_only_where_they_differ() -> None:
    task = tasks.fold(submitted("mobile"))
    assert task is not None and task.labels == ("mobile",)
    assert tasks.edit(task, EditTask(labels=("web", "mobile"))) == (
        TaskLabelled(task_id="t1", labels=("web", "mobile")),
    )
    assert tasks.edit(task, EditTask(labels=())) == (TaskLabelled(task_id="t1", labels=()),)
    assert tasks.edit(task, EditTask(labels=("mobile",))) == ()
    edited, labelled = tasks.edit(task, EditTask(priority=9, labels=("web",)))
    assert isinstance(edited, TaskEdited) and isinstance(labelled, TaskLabelled)


@pytest.mark.parametrize("label", ["", " x", "x ", "a,b", "a\nb", "a\x7f", "x" * 51])
def test_a_label_is_short_printable_and_has_nothing_around_it(label: str) -> None:
    with pytest.raises(ValidationError):
        EditTask(labels=(label,))
    assert EditTask(labels=("ä b/c:d",)).labels == ("ä b/c:d",)


def test_a_task_bears_twenty_labels_at_most() -> None:
    with pytest.raises(ValidationError):
        EditTask(labels=tuple(map(str, range(21))))
