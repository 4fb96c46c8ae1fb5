from __future__ import annotations

import pytest

from events.base import DomainEvent
from events.project import ProjectArchived, ProjectCreated, ProjectEdited
from vapora.commands import ArchiveProject, CreateProject, EditProject
from vapora.domain.project import Project, decide, evolve, fold, initial, require_open
from vapora.errors import ConflictError, NotFoundError

CREATED = ProjectCreated(project_id="p1", name="Atlas", description="maps", repo="/srv/atlas")
ARCHIVED = ProjectArchived(project_id="p1")


def test_given_nothing_when_created_then_it_is_created() -> None:
    command = CreateProject(name="Atlas", description="maps", repo="/srv/atlas")
    assert decide(initial(), command, "p1") == (CREATED,)


def test_given_a_project_when_created_again_alike_then_nothing_happens() -> None:
    command = CreateProject(name="Atlas", description="maps", repo="/srv/atlas")
    assert decide(fold([CREATED]), command, "p1") == ()


def test_given_a_project_when_another_is_created_under_its_id_then_it_is_refused() -> None:
    with pytest.raises(ConflictError) as refusal:
        decide(fold([CREATED]), CreateProject(name="Other"), "p1")
    assert refusal.value.remedy


def test_given_a_project_when_edited_then_only_what_differs_is_recorded() -> None:
    command = EditProject(name="Atlas", description="charts")
    assert decide(fold([CREATED]), command, "p1") == (ProjectEdited(project_id="p1", description="charts"),)


def test_given_an_edited_project_when_edited_alike_then_nothing_happens() -> None:
    state = fold([CREATED, ProjectEdited(project_id="p1", description="charts")])
    assert state == Project("p1", "Atlas", "charts", "/srv/atlas")
    assert decide(state, EditProject(description="charts"), "p1") == ()


def test_given_a_project_when_archived_twice_then_it_happens_once() -> None:
    assert decide(fold([CREATED]), ArchiveProject(), "p1") == (ARCHIVED,)
    assert decide(fold([CREATED, ARCHIVED]), ArchiveProject(), "p1") == ()


def test_given_an_archived_project_when_edited_then_it_is_refused() -> None:
    with pytest.raises(ConflictError):
        decide(fold([CREATED, ARCHIVED]), EditProject(name="New"), "p1")


@pytest.mark.parametrize("command", [EditProject(name="New"), ArchiveProject()])
def test_given_nothing_when_changed_then_it_is_not_found(command: EditProject | ArchiveProject) -> None:
    with pytest.raises(NotFoundError) as refusal:
        decide(initial(), command, "p9")
    assert "p9" in refusal.value.message


def test_only_an_open_project_takes_work() -> None:
    assert require_open(fold([CREATED]), "p1").name == "Atlas"
    with pytest.raises(NotFoundError):
        require_open(None, "p1")
    with pytest.raises(ConflictError):
        require_open(fold([CREATED, ARCHIVED]), "p1")


@pytest.mark.parametrize("event", [ProjectEdited(project_id="p1", name="New"), ARCHIVED])
def test_events_of_a_project_that_was_never_created_make_none(event: DomainEvent) -> None:
    assert evolve(initial(), event) is None
