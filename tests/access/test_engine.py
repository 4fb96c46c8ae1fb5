"""The policies that ship say what docs/permissions.md says, each of them is needed, and what goes wrong is a no."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from time import process_time

import cedarpy
import pytest

from events.ids import MemberRole
from tests.access.permissions import (
    ELSEWHERE,
    PAGE,
    PEOPLE,
    PLACE,
    TASK,
    agent,
    own_path,
    page,
    questions,
    tool_questions,
)
from vapora.access import Engine, check
from vapora.access.engine import MOST_POLICIES
from vapora.access.schema import schema
from vapora.access.statements import statements
from vapora.catalog import role
from vapora.catalog.manifests import ROLE_IDS
from vapora.domain.access import GROUPS, SERVED, Principal, Question, Resource
from vapora.errors import BadInputError
from vapora.tools.scope import Scope

MERGE = Question(Principal("User", "ann", MemberRole.MEMBER, teams=("team-1",)), "merge_task", TASK)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


def cells() -> Iterator[Question]:
    """Every operation for everybody, every tool for each role."""
    for group in GROUPS:
        if group.level == "agents":
            for one in ROLE_IDS:
                yield from tool_questions(one, group, own_path(one))
        else:
            sovereign = Principal("Operator", "operator"), Principal("Local", "user:local")
            tokens = [Principal("Token", f"token-{one}", one) for one in MemberRole]
            for asks in (*PEOPLE.values(), *sovereign, *tokens):
                yield from questions(asks, group)


def policies(engine: Engine) -> dict[str, tuple[str, str]]:
    """Each policy that ships by its @id: in which set it is, and that set's text without it."""
    found = {}
    for name, text in engine.texts.items():
        parts = statements(text)
        for at, part in enumerate(parts):
            identifier = part.text.split('@id("')[1].partition('"')[0]
            found[identifier] = (name, "".join(one.text for place, one in enumerate(parts) if place != at))
    return found


def test_the_page_shows_the_tables_as_the_policies_make_them(engine: Engine) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text, engine), "python -m tests.access.permissions writes them anew"


def test_what_ships_fits_the_schema_and_each_policy_has_a_name_of_its_own(engine: Engine) -> None:
    names = policies(engine)
    assert sum(len(statements(text)) for text in engine.texts.values()) == len(names)
    for text in engine.texts.values():
        assert cedarpy.validate_policies(text, schema()).errors == []


def test_each_cell_that_is_allowed_is_allowed_by_one_policy_without_which_it_is_refused(engine: Engine) -> None:
    owed: dict[str, list[Question]] = {name: [] for name in policies(engine)}
    for question in cells():
        decision = engine.decide(question)
        if decision.allowed:
            [name] = decision.policies
            owed[name].append(question)
    for name, (set_, without) in policies(engine).items():
        assert owed[name], f"{name} allows nothing: it is not needed"
        poorer = Engine({**engine.texts, set_: without})
        still = [one for one in owed[name] if poorer.may(one)]
        assert not still, f"without {name} still allowed: {still[0]}"


def test_a_token_may_what_a_person_of_its_role_may(engine: Engine) -> None:
    """But for what takes a person's word."""
    for group in GROUPS:
        if group.level == "workspace" and group.name != "accept-plans":
            for one in MemberRole:
                person, token = (list(questions(Principal(kind, "x", one), group)) for kind in ("User", "Token"))
                assert [engine.may(each) for each in person] == [engine.may(each) for each in token]


def test_who_is_more_may_all_that_who_is_less_may(engine: Engine) -> None:
    ranks = [None, *reversed(MemberRole)]
    for group in (one for one in GROUPS if one.level == "workspace"):
        for less, more in pairwise(ranks):
            for one in questions(Principal("User", "x", less), group):
                assert not engine.may(one) or engine.may(replace(one, principal=Principal("User", "x", more)))


def test_a_role_in_one_workspace_is_none_in_another(engine: Engine) -> None:
    owner = Principal("User", "x", MemberRole.OWNER)
    there = Question(owner, "list_tasks", PLACE)
    assert engine.may(there)
    # What a question says of the principal is what they are where the resource is; nothing else reaches Cedar.
    assert not engine.may(replace(there, principal=Principal("User", "x", None)))


# --- agents ---


@pytest.mark.parametrize("role_id", ROLE_IDS)
def test_the_policies_let_a_role_use_all_that_its_manifest_offers_and_no_more(engine: Engine, role_id: str) -> None:
    manifest = role(role_id)
    # Which tools of servers it gets, the servers say; a policy of a workspace forbids what shall not be.
    offered = {f"tool:{one}" for one in manifest.tools} | {SERVED}
    for group in (one for one in GROUPS if one.level == "agents"):
        for asked in tool_questions(role_id, group, own_path(role_id)):
            assert engine.may(asked) == (asked.action in offered), asked.action


PATHS = (
    *("src/main.py", "main.py", "Dockerfile", "app/Dockerfile.dev", "docs/index.md", "docs/adr/0001.md", "README.md"),
    *("tests/test_x.py", "src/x/tests/y.py", "web/a.test.ts", "k8s/app.yaml", "website/index.html", "a/b/c.rst"),
    *("adr/1.md", "lib/ARCHITECTURE.md", "Makefile", ".github/workflows/ci.yml", "conftest.py", "pkg/x_test.go"),
)


@pytest.mark.parametrize("role_id", [one for one in ROLE_IDS if role(one).writable])
def test_the_policies_let_a_role_write_what_its_manifest_lets_it_write(engine: Engine, role_id: str) -> None:
    scope = Scope(role(role_id).writable)
    for path in PATHS:
        asked = Question(agent(role_id), "tool:file_write", TASK, path=path)
        assert engine.may(asked) == (path in scope), path


def test_an_agent_that_is_offered_too_much_is_refused(engine: Engine) -> None:
    assert not engine.may(Question(agent("presenter"), "tool:file_write", TASK, path="docs/index.md"))
    assert not engine.may(Question(agent("tester"), "tool:file_edit", TASK, path=ELSEWHERE))
    assert not engine.may(Question(agent("decision-maker"), "tool:run_command", TASK))
    assert not engine.may(Question(agent("stranger"), "tool:run_command", TASK))


def test_nobody_judges_their_own_work(engine: Engine) -> None:
    review = Question(agent("code-reviewer"), "tool:submit_review", TASK)
    assert engine.may(review)
    assert not engine.may(replace(review, own_work=True))
    assert not engine.may(replace(review, principal=agent("developer")))


def test_an_agent_has_no_operation_and_a_person_no_tool(engine: Engine) -> None:
    assert not engine.may(Question(agent("developer"), "merge_task", TASK))
    assert not engine.may(Question(Principal("User", "x", MemberRole.OWNER), "tool:run_command", TASK))


# --- a workspace's own policies ---

OWN = {
    'forbid(principal, action in Action::"land", resource) unless { principal in Team::"team-2" };': False,
    'forbid(principal, action in Action::"land", resource) unless { principal in Team::"team-1" };': True,
    'forbid(principal, action == Action::"merge_task", resource in Project::"project-1");': False,
    'forbid(principal, action == Action::"merge_task", resource in Project::"project-2");': True,
    'forbid(principal, action, resource is Task) when { resource.state == "todo" };': False,
    'forbid(principal, action, resource is Task) when { resource.state == "done" };': True,
    "forbid(principal is Token, action, resource);": True,
}


@pytest.mark.parametrize(("own", "allowed"), OWN.items())
def test_own_policies_know_the_team_the_project_and_the_state(engine: Engine, own: str, allowed: bool) -> None:
    check(own)
    assert engine.may(MERGE, own) is allowed


def test_a_text_holds_from_the_next_question_on_and_only_where_it_belongs(engine: Engine) -> None:
    stop = '@id("stop") forbid(principal, action, resource);'
    assert engine.may(MERGE)
    assert engine.decide(MERGE, stop).reason == "Forbidden by: stop."
    assert engine.may(MERGE), "without the text, as in another workspace or after it was taken back"


def test_own_policies_may_allow_more_within_the_workspace(engine: Engine) -> None:
    more = 'permit(principal, action in Action::"discuss", resource) when { principal in resource.viewers };'
    viewer = Question(Principal("User", "eve", MemberRole.VIEWER), "comment_task", TASK)
    assert not engine.may(viewer)
    assert engine.may(viewer, more)
    assert not engine.may(replace(viewer, principal=Principal("User", "mallory", None)), more)


def test_no_text_locks_out_who_could_mend_it_or_the_operator(engine: Engine) -> None:
    stop = "forbid(principal, action, resource);"
    owner = Principal("User", "olga", MemberRole.OWNER)
    assert engine.may(Question(owner, "set_policies", PLACE), stop)
    assert not engine.may(Question(owner, "list_tasks", PLACE), stop)
    assert engine.may(Question(Principal("Operator", "operator"), "list_tasks", PLACE), stop)
    more = "permit(principal, action, resource);"
    viewer = Question(Principal("User", "eve", MemberRole.VIEWER), "set_policies", PLACE)
    assert not engine.may(viewer, more), "nor does one hand the policies to everybody"


def test_a_policy_that_fails_refuses(engine: Engine) -> None:
    """Cedar leaves a `forbid` out that fails, and what is left would allow."""
    broken = (
        'forbid(principal, action == Action::"tool:run_command", resource) '
        "when { 9223372036854775807 + (if context.own_work then 1 else 2) > 0 };"
    )
    check(broken)
    run = Question(agent("developer"), "tool:run_command", TASK)
    assert engine.may(run)
    decision = engine.decide(run, broken)
    assert (decision.allowed, decision.reason) == (False, "A policy could not be evaluated.")


def test_a_text_that_cannot_be_read_refuses(engine: Engine) -> None:
    assert engine.decide(MERGE, "permit(").reason == "The policies could not be asked."


def test_what_is_no_action_is_refused(engine: Engine) -> None:
    assert not engine.may(replace(MERGE, action="launch_rocket"), "permit(principal, action, resource);")


WRONG = {
    "permit(principal, action, resource)": "Line 1: unexpected end of input.",
    "\n\nforbid(principal, action, resource);\nforbid(principal; action);": "Line 4: unexpected token `;`.",
    '// why\nforbid(principal, action == Action::"fly", resource);': 'Line 2: Unrecognized action `Action::"fly"`.',
    "forbid(principal == ?principal, action, resource);": "Line 1: this is a template, which decides nothing.",
    'forbid(principal, action == Action::"merge_task", resource is Task)\nwhen { resource.colour == "red" };': (
        "Line 1: Attribute `colour` on entity type `Task` not found."
    ),
    'forbid(principal is Dog, action, resource); // a ";" in it': "Line 1: Unrecognized entity type `Dog`.",
}


@pytest.mark.parametrize(("text", "said"), WRONG.items())
def test_a_wrong_text_is_refused_with_its_line_and_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(BadInputError) as refused:
        check(text)
    assert refused.value.message.startswith(said)


def test_the_examples_of_the_page_are_taken() -> None:
    [example] = [part.partition("```")[0] for part in PAGE.read_text(encoding="utf-8").split("```cedar\n")[1:]]
    assert len(statements(example)) == 7
    check(example)


def test_an_empty_text_and_one_of_comments_are_none() -> None:
    check("")
    check("// nothing yet\n")
    with pytest.raises(BadInputError, match="100 policies"):
        check("forbid(principal, action, resource);\n" * (MOST_POLICIES + 1))


def test_a_decision_takes_well_under_a_millisecond(engine: Engine) -> None:
    """CPU time, since other tests run beside it: 0.1 ms on a quiet machine, and 10 times as much is still fine."""
    asked = [replace(MERGE, resource=Resource("Task", f"task-{number}", "acme")) for number in range(200)]
    begun = process_time()
    assert all(engine.may(one) for one in asked)
    assert (process_time() - begun) / len(asked) < 0.002


def test_a_plan_is_accepted_by_people_and_by_a_program_only_where_the_workspace_says_so(engine: Engine) -> None:
    person = Question(Principal("User", "ann", MemberRole.MEMBER), "accept_plan", PLACE)
    program = replace(person, principal=Principal("Token", "token-1", MemberRole.OWNER))
    assert engine.may(person) and not engine.may(program)
    assert engine.may(replace(program, action="create_plan"))
    own = 'permit(principal == Token::"token-1", action == Action::"accept_plan", resource);'
    assert engine.may(program, own)
