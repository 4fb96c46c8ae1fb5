from __future__ import annotations

import pytest
from pydantic import ValidationError

from events.base import DomainEvent
from events.content import Content
from events.ids import MergePolicy
from events.project import ProjectArchived, ProjectCreated, ProjectEdited, ProjectFileAccepted
from vapora.commands import ArchiveProject, CreateProject, EditProject, ProjectCheck
from vapora.domain.project import (
    InEffect,
    Project,
    accept_file,
    decide,
    evolve,
    fold,
    in_effect,
    initial,
    require_open,
)
from vapora.domain.project_file import parse
from vapora.errors import BadInputError, ConflictError, NotFoundError

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


CHECK = ProjectCheck(name="tests", command="make test")
REPO = CreateProject.model_validate(
    {
        "name": "Atlas",
        "repo": "/srv/atlas",
        "checks": [CHECK.model_dump()],
        "copy": [".env"],
        "merge_policy": "when-approved",
    }
)


def test_all_that_a_person_set_about_the_repository_is_kept() -> None:
    state = fold(decide(initial(), REPO, "p1"))
    assert state is not None and (state.checks, state.copies) == ((CHECK.check(),), (".env",))
    assert state.merge_policy is MergePolicy.WHEN_APPROVED
    assert decide(state, REPO, "p1") == () and decide(state, EditProject(checks=(CHECK,)), "p1") == ()
    cleared = after(state, decide(state, EditProject(checks=None, setup=("make",)), "p1"))
    assert (cleared.checks, cleared.setup) == (None, ("make",))
    again = after(cleared, decide(cleared, EditProject(checks=(CHECK,)), "p1"))
    assert again.checks == (CHECK.check(),)


def test_two_checks_of_one_name_are_refused() -> None:
    for command in (CreateProject(name="A", checks=(CHECK, CHECK)), EditProject(checks=(CHECK, CHECK))):
        with pytest.raises(BadInputError, match="called 'tests'"):
            decide(fold([CREATED]) if isinstance(command, EditProject) else initial(), command, "p1")


@pytest.mark.parametrize("command", ["", "   "])
def test_an_empty_check_is_refused(command: str) -> None:
    with pytest.raises(ValidationError):
        ProjectCheck(name="tests", command=command)


def test_what_a_person_set_wins_over_the_accepted_file_also_where_that_is_nothing() -> None:
    file = parse('base_branch = "dev"\nsetup = ["make"]\n[[checks]]\nname = "lint"\ncommand = "make lint"\n')
    state = fold([CREATED])
    assert state is not None
    assert in_effect(state, None) == InEffect(None, (), ())
    of_file = in_effect(state, file)
    assert (of_file.base_branch, of_file.setup, [one.name for one in of_file.checks]) == ("dev", ("make",), ["lint"])
    set_ = after(state, decide(state, EditProject(base_branch="main", setup=(), checks=(CHECK,)), "p1"))
    assert in_effect(set_, file) == InEffect("main", (), (CHECK.check(),))


@pytest.mark.parametrize("text", ["not toml", 'sandbox = "none"', 'merge_policy = "when-approved"', "setup = [1]"])
def test_a_file_that_says_what_it_may_not_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(BadInputError, match=r"\.vapora/project\.toml"):
        parse(text)


def test_a_file_is_accepted_as_it_was_read_and_once() -> None:
    state, text, sha = fold([CREATED]), Content(text="setup = []", size=10), "a" * 64
    [accepted] = accept_file(state, "p1", sha, text, sha)
    assert accepted == ProjectFileAccepted(project_id="p1", sha256=sha, text=text)
    assert accept_file(fold([CREATED, accepted]), "p1", sha, text, sha) == ()
    with pytest.raises(ConflictError, match="another one"):
        accept_file(state, "p1", sha, text, "b" * 64)
    with pytest.raises(NotFoundError):
        accept_file(state, "p1", sha, text, None)


def after(state: Project, events: tuple[DomainEvent, ...]) -> Project:
    for event in events:
        state = require_open(evolve(state, event), "p1")
    return state
