"""Projects, the registry of agents, runs, learning profiles and decisions."""

from __future__ import annotations

from datetime import timedelta

from events import agent, project, run, task
from events.content import Content
from events.ids import Scope, WaitReason
from events.task import Candidate, ScoreParts
from projections.decisions import Decisions, why
from projections.profiles import Profiles, learning
from projections.projects import Projects, project_of, projects
from projections.registry import Registry, agent_of, agents
from projections.runs import Runs, artifacts, run_of, runs
from tests.projections.story import Story
from vapora.domain.learning import RunOutcome, expertise


def test_projects_are_listed_until_they_are_archived() -> None:
    story = Story().tell(project.ProjectCreated(project_id="p-1", name="One", repo="/r"))
    story.tell(project.ProjectEdited(project_id="p-1", name="First"))
    [found] = projects(story.rows(Projects()))
    assert (found.name, found.repo, found.archived, found.position) == ("First", "/r", False, 4)
    rows = story.tell(project.ProjectArchived(project_id="p-1")).rows(Projects())
    assert projects(rows) == ()
    assert [one.id for one in projects(rows, archived=True)] == ["p-1"]
    archived = project_of(rows, "p-1")
    assert archived is not None
    assert archived.archived


def test_an_agent_is_busy_while_it_has_runs() -> None:
    story = Story().register("developer", capacity=2).submit("t-1").assign("t-1.1")
    [found] = agents(story.rows(Registry()))
    assert (found.state, found.running, found.load) == ("busy", 1, 0.5)
    story.tell(task.TaskRecalled(task_id="t-1", run_id="t-1.1"))
    assert agents(story.rows(Registry()))[0].state == "busy"
    story.cancel("t-1.1")
    [found] = agents(story.rows(Registry()))
    assert (found.state, found.running, found.load) == ("idle", 0, 0.0)


def test_an_agent_can_be_edited_disabled_and_enabled() -> None:
    story = Story().register("developer").tell(agent.AgentEdited(agent_id="developer", capacity=5))
    story.tell(agent.AgentDisabled(agent_id="developer"))
    [found] = agents(story.rows(Registry()))
    assert (found.state, found.capacity) == ("disabled", 5)
    story.tell(agent.AgentEnabled(agent_id="developer"))
    assert agents(story.rows(Registry()))[0].state == "idle"


def test_a_removed_agent_is_gone_until_it_is_registered_again() -> None:
    story = Story().register("developer").tell(agent.AgentRemoved(agent_id="developer"))
    assert agents(story.rows(Registry())) == ()
    assert agent_of(story.rows(Registry()), "developer") is None
    assert agent_of(story.register("developer").rows(Registry()), "developer") is not None


def test_a_run_is_recorded_with_its_steps_its_artifacts_and_how_long_it_took() -> None:
    story = Story().submit("t-1").assign("t-1.1").call("t-1.1/0", cost=60)
    small, large = Content(text="text", size=4), Content(digest="d" * 64, size=9_000)
    for name, content in (("a.py", small), ("b.py", large)):
        artifact = run.ArtifactRecorded(run_id="t-1.1", task_id="t-1", name=name, kind="Code", content=content)
        story.tell(artifact)
    story.later(seconds=10).succeed("t-1.1")
    rows = story.rows(Runs())
    [found] = runs(rows, "t-1")
    assert (found.project_id, found.task_type, found.state) == ("p-1", "code-generation", "succeeded")
    assert (found.steps, found.steps_done, found.summary) == (("plan", "write"), 1, "done")
    assert (found.duration_ms, found.cost_microusd) == (17_000, 60)
    assert [(one.name, one.digest) for one in found.artifacts] == [("a.py", None), ("b.py", "d" * 64)]
    assert [one.text for one in artifacts(rows, "t-1.1")] == ["text", None]
    assert run_of(rows, "t-9.1") is None


def test_a_waiting_run_says_so_in_its_record() -> None:
    story = Story().submit("t-1").assign("t-1.1")
    story.tell(run.RunWaiting(run_id="t-1.1", task_id="t-1", reason=WaitReason.PROVIDER, remedy="Set a key."))
    [found] = runs(story.rows(Runs()), "t-1")
    assert (found.state, found.reason) == ("waiting", "Set a key.")
    story.tell(run.RunContinued(run_id="t-1.1", task_id="t-1"))
    assert runs(story.rows(Runs()), "t-1")[0].state == "running"


def test_learning_holds_an_agents_outcomes_in_each_task_type_and_fades_with_time() -> None:
    story = Story()
    for number, good in enumerate((True, True, False)):
        run_id = f"t-{number}.1"
        story.assign(run_id).call(f"{run_id}/0", cost=10)
        story = story.succeed(run_id) if good else story.fail(run_id)
    rows = story.rows(Profiles())
    [now] = learning(rows, "developer", story.at).profiles
    assert (now.runs, now.success_rate, now.confidence) == (3, 2 / 3, 3 / 20)
    outcomes = [
        RunOutcome("", "", one.recorded_at, isinstance(one.event, run.RunSucceeded))
        for one in story.log
        if isinstance(one.event, run.RunSucceeded | run.RunFailed)
    ]
    assert now.expertise == expertise(outcomes, story.at)
    [later] = learning(rows, "developer", story.at + timedelta(days=60)).profiles
    assert abs(later.expertise - 0.5) < 0.01 < now.expertise - later.expertise
    [point] = learning(rows, "developer", story.at).curve
    assert (point.day, point.runs, point.success_rate, point.cost_microusd) == ("2026-11-20", 3, 2 / 3, 30)
    assert learning(rows, "nobody", story.at).profiles == ()


def test_rejected_work_counts_as_a_failure_of_its_run_and_its_day() -> None:
    story = Story().assign("t-1.1").succeed("t-1.1").later(days=2)
    story.tell(task.TaskRejected(task_id="t-1", run_id="t-1.1")).tell(task.TaskRejected(task_id="t-1", run_id="t-1.1"))
    found = learning(story.rows(Profiles()), "developer", story.at)
    assert found.profiles[0].success_rate == 0
    assert [(point.day, point.runs, point.success_rate) for point in found.curve] == [("2026-11-20", 1, 0)]


def test_runs_that_say_nothing_about_the_agent_do_not_count_but_cost() -> None:
    story = Story().assign("t-1.1").call("t-1.1/0", cost=10).fail("t-1.1", counts=False)
    story.assign("t-2.1").cancel("t-2.1")
    found = learning(story.rows(Profiles()), "developer", story.at)
    assert found.profiles == ()
    assert [(point.runs, point.cost_microusd) for point in found.curve] == [(0, 10)]


def test_simulated_and_real_learning_are_two_profiles() -> None:
    story = Story().assign("t-1.1", simulated=True).succeed("t-1.1").assign("t-2.1").fail("t-2.1")
    found = learning(story.rows(Profiles()), "developer", story.at).profiles
    assert [(one.simulated, one.success_rate) for one in found] == [(False, 0), (True, 1)]


def test_only_the_last_hundred_outcomes_make_the_success_rate() -> None:
    story = Story()
    for number in range(130):
        story.assign(f"t-{number}.1")
        story = story.fail(f"t-{number}.1") if number < 30 else story.succeed(f"t-{number}.1")
    [found] = learning(story.rows(Profiles()), "developer", story.at).profiles
    assert (found.runs, found.success_rate) == (130, 1.0)


def test_why_tells_who_by_which_model_and_on_whose_money_in_order() -> None:
    candidates = (
        Candidate(
            agent_id="developer", role="developer", score=0.7, parts=ScoreParts(base=0.2, expertise=0.4, confidence=0.1)
        ),
        Candidate(agent_id="tester", role="tester", excluded="full"),
    )
    story = Story().submit("t-1").assign("t-1.1", candidates=candidates).reserve("t-1.1/0", 123)
    who, how, held, refusal = why(
        story.refuse("t-1.1/1", Scope.ROLE, "developer", "2026-11").rows(Decisions()), "t-1"
    ).decisions
    assert (who.kind, who.chosen, who.propensity) == ("agent", "developer", 1.0)
    assert [(one["id"], one["score"], one["excluded"]) for one in who.candidates] == [
        ("developer", 0.7, None),
        ("tester", None, "full"),
    ]
    assert who.candidates[0]["parts"] == {"base": 0.2, "expertise": 0.4, "confidence": 0.1}
    assert (how.kind, how.chosen, how.policy) == ("provider", "anthropic/claude", "rules")
    assert how.budget == "normal: workspace default"
    assert how.candidates[0]["id"] == "anthropic/claude"
    assert (held.kind, held.chosen) == ("budget", "reserved")
    assert "123" in held.reason
    assert (refusal.kind, refusal.chosen, refusal.budget) == ("budget", "refused", "role/developer 2026-11")
