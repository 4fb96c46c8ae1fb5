"""The knowledge graph: executions, causes, files and days, folded from the log, walked, and forgotten by its time."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pytest

from events import knowledge, project, run, task, workspace
from events.content import Content
from events.ids import ChecksVerdict, Review
from events.work import LineComment
from projections import MemoryRows, ReadStore, Runner
from projections.board import Board
from projections.decisions import Decisions
from projections.engine.store import StoreReader
from projections.knowledge import EXECUTIONS, RELATIONS, TASKS, Knowledge
from projections.profiles import Profiles, learning
from projections.projects import Projects
from projections.registry import Registry
from projections.runs import Runs
from projections.settings import Settings
from tests.projections.story import Story, dump
from vapora import knowledge as asked
from vapora.domain.task import Task, evolve
from vapora.errors import NotFoundError, UnavailableError
from vapora.knowledge.past_work import evidence, telling
from vapora.knowledge.tools import KnowledgeServer
from vapora.tools.servers import Caller

FINDING = "Months are days\nsrc/dates.py:3: Name the format"
READ = (Board(), Runs(), Registry(), Projects(), Settings(), Profiles(), Decisions(), Knowledge())


def told(story: Story) -> MemoryRows:
    return story.rows(*READ)


def wrote(run_id: str, path: str, name: str = "file_write") -> run.ToolUsed:
    return run.ToolUsed(
        run_id=run_id, task_id=run_id.rpartition(".")[0], step=0, call=0, call_id="c", name=name,
        arguments=Content(text="{}", size=2), effect="worktree", ok=True, result=Content(text="", size=0),
        duration_ms=1, data={"path": path},
    )  # fmt: skip


def checked(run_id: str, verdict: ChecksVerdict, number: int) -> run.ChecksRan:
    return run.ChecksRan(
        run_id=run_id, task_id=run_id.rpartition(".")[0], head="a" * 40, round=number, verdict=verdict, sandbox="none"
    )  # fmt: skip


def worked(story: Story | None = None) -> Story:
    """Two cards: one sent back and mended, one that failed."""
    story = story or Story()
    story.tell(project.ProjectCreated(project_id="p-1", name="Links"))
    story.submit("t-1", title="Parse dates").assign("t-1.1").call("t-1.1/0")
    story.tell(wrote("t-1.1", "src/dates.py"), wrote("t-1.1", "src/dates.py"))
    story.tell(checked("t-1.1", ChecksVerdict.RED, 1), checked("t-1.1", ChecksVerdict.GREEN, 2)).succeed("t-1.1")
    line = LineComment(path="src/dates.py", line=3, text="Name the format")
    story.tell(task.TaskRejected(task_id="t-1", run_id="t-1.1", comment="Months are days", comments=(line,)))
    story.assign("t-1.2").call("t-1.2/0", cost=7).succeed("t-1.2")
    story.tell(task.TaskApproved(task_id="t-1", run_id="t-1.2"))
    story.tell(
        task.TaskLanded(task_id="t-1", run_id="t-1.2", head="a" * 40, branch="main", oid="b" * 40, strategy="squash")
    )
    story.submit("t-2", title="Export links").assign("t-2.1", "tester").fail("t-2.1")
    return story


class ByHand:
    """Rankings that a test sets: words, and vectors."""

    def __init__(self, words: Sequence[str] = (), vectors: Sequence[str] = ()) -> None:
        self.words, self.vectors = list(words), list(vectors)
        self.asked: list[tuple[str, Collection[str] | None]] = []

    def rankings(self, text: str, projects: Collection[str] | None, limit: int) -> Sequence[Sequence[str]]:
        self.asked.append((text, projects))
        return self.words, self.vectors

    def close(self) -> None:
        """Nothing is open."""


def test_an_execution_holds_what_the_log_says_of_the_run() -> None:
    found, more = asked.executions(told(worked()), {}, 10)
    assert ([one.id for one in found], more) == (["t-2.1", "t-1.2", "t-1.1"], None)
    first, second, third = found
    assert (first.outcome, first.success, first.quality, first.said) == ("failed", False, 0.0, "it broke")
    assert (second.outcome, second.landed, second.quality, second.title) == ("accepted", True, 1.0, "Parse dates")
    assert (second.models, second.providers, second.cost_microusd) == (("anthropic/claude",), ("anthropic",), 7)
    assert (third.outcome, third.success, third.checks) == ("rejected", False, "green")
    assert third.parts == {"done": 1.0, "checks": 1.0, "first_time": 0.5, "review": 0.0}
    assert third.latency_ms == 9_000 and third.day.isoformat() == "2026-11-20" and not third.simulated
    page, more = asked.executions(told(worked()), {}, 2)
    rest, end = asked.executions(told(worked()), {}, 2, more)
    assert ([one.id for one in (*page, *rest)], end) == (["t-2.1", "t-1.2", "t-1.1"], None)
    assert [one.id for one in asked.executions(told(worked()), {"agent_id": "tester"}, 9)[0]] == ["t-2.1"]


def test_what_runs_say_of_models_goes_by_what_became_of_the_work() -> None:
    rows = told(worked())
    first, second = asked.executions(rows, {"task_type": "code-generation", "state": "succeeded"}, 9)[0]
    assert first.quality is not None and second.quality is not None
    [found] = evidence(rows, "code-generation", simulated=False)
    assert (found.model, found.runs) == ("anthropic/claude", 2)
    assert found.good == pytest.approx(first.quality + second.quality)
    assert evidence(rows, "code-generation", simulated=True) == evidence(rows, "unit-test", simulated=False) == ()


def test_causes_are_found_in_the_log_and_what_was_sent_back_solved_nothing() -> None:
    found, _ = asked.relations(told(worked()), {}, 10)
    assert [(one.origin, one.problem, one.cause, one.solution, one.solved_by) for one in found] == [
        ("failure", "Its run failed: Export links", "it broke", "", None),
        (
            "review",
            "Its work was sent back: Parse dates",
            FINDING,
            "done",
            "t-1.2",
        ),
    ]
    again = worked().tell(task.TaskRejected(task_id="t-1", run_id="t-1.2", comment="Still"))
    found, _ = asked.relations(told(again), {"task_id": "t-1"}, 10)
    assert [(one.cause, one.solved_by) for one in found][1:] == [(FINDING, None)]


def test_a_cause_that_somebody_recorded_stands_beside_them_until_it_is_removed() -> None:
    said = knowledge.RelationRecorded(relation_id="relation-1", problem="Slow", cause="No index", run_id="t-1.2")
    story = worked().tell(said)
    [mine] = [one for one in asked.relations(told(story), {}, 9)[0] if one.origin == "person"]
    assert (mine.task_id, mine.project_id, mine.recorded_by) == ("t-1", "p-1", "somebody")
    story.tell(knowledge.RelationRemoved(relation_id="relation-1"))
    assert asked.relation(told(story), "relation-1") is None


def test_the_graph_is_walked_from_a_card_to_all_that_is_near_it() -> None:
    rows = told(worked().register("developer"))
    found = asked.graph(rows, "task:t-1", 1)
    edges = {(one.source, one.kind, one.target) for one in found.edges}
    problem = next(one.id for one in found.nodes if one.kind == "problem")
    assert edges >= {
        ("run:t-1.1", "worked-on", "task:t-1"),
        ("run:t-1.2", "worked-on", "task:t-1"),
        ("task:t-1", "changed", "file:src/dates.py"),
        ("person:somebody", "asked-for", "task:t-1"),
        ("person:somebody", "decided-on", "task:t-1"),
        ("task:t-1", "belongs-to", "project:p-1"),
        ("task:t-1", "met", f"problem:{problem}"),
    }
    assert sum(one.kind == "decision" for one in found.nodes) == 2
    far = asked.graph(rows, "task:t-1", 4)
    kinds = {one.kind for one in far.nodes}
    assert kinds >= {"task", "run", "agent", "cause", "solution"}
    assert ("solution", problem) in {(one.kind, one.id) for one in far.nodes}
    assert "task:t-2" in {one.name for one in far.nodes}
    assert max(one.distance for one in far.nodes) <= 4
    assert [one.name for one in asked.graph(rows, "task:t-1", 0).nodes] == ["task:t-1"]
    with pytest.raises(NotFoundError):
        asked.graph(rows, "task:no-such", 2)


def test_a_walk_is_bounded_however_much_an_agent_did() -> None:
    story = Story()
    for number in range(60):
        story.submit(f"t-{number}").assign(f"t-{number}.1").succeed(f"t-{number}.1")
    found = asked.graph(told(story), "agent:developer", 3)
    assert len(found.nodes) <= 200
    assert found.nodes[0].more
    runs = [one.id for one in found.nodes if one.kind == "run" and one.distance == 1]
    assert runs[:2] == ["t-59.1", "t-58.1"] and len(runs) == 25


def test_a_profile_made_of_history_agrees_with_the_learning_profile() -> None:
    story = worked()
    for number in range(10, 30):
        story.later(hours=9).submit(f"t-{number}").assign(f"t-{number}.1")
        story = story.fail(f"t-{number}.1", counts=number % 5 > 0) if number % 3 else story.succeed(f"t-{number}.1")
        if number % 6 == 0:
            story.tell(task.TaskRejected(task_id=f"t-{number}", run_id=f"t-{number}.1"))
    rows, now = told(story), story.later(days=1).at
    for agent in ("developer", "tester"):
        ours = asked.profiles(rows, agent, now).profiles
        assert [one.model_dump() for one in ours] == [one.model_dump() for one in learning(rows, agent, now).profiles]
        days = asked.curves(rows, {"agent_id": agent}).points
        known = learning(rows, agent, now).curve
        assert [(str(p.day), p.runs, p.success_rate, p.cost_microusd) for p in days] == [
            (str(p.day), p.runs, p.success_rate, p.cost_microusd) for p in known
        ]


def test_similar_executions_really_use_the_vectors() -> None:
    story = worked()
    for task_id in ("t-3", "t-4"):
        story.submit(task_id, title=f"Read times {task_id}").assign(f"{task_id}.1").succeed(f"{task_id}.1")
    rows = told(story)
    by_words = ByHand(words=["t-3.1", "t-4.1", "t-1.2"])
    assert [one.id for one in asked.similar(rows, by_words, "Parse times", {}, 9)] == ["t-3.1", "t-4.1", "t-1.2"]
    by_both = ByHand(words=["t-3.1", "t-4.1", "t-1.2"], vectors=["t-1.2", "t-4.1", "t-9.9"])
    found = asked.similar(rows, by_both, "Parse times", {}, 9)
    assert [one.id for one in found] == ["t-1.2", "t-4.1", "t-3.1"]
    assert found[0].score == pytest.approx(1 / 63 + 1 / 61)
    # Of a card: by its own words, without its own runs.
    assert [one.id for one in asked.similar(rows, by_both, "t-4", {}, 9)] == ["t-1.2", "t-3.1"]
    assert by_both.asked[-1][0].startswith("Read times t-4")
    assert asked.similar(rows, by_both, "t-4", {"agent_id": "tester"}, 9) == ()


def test_old_rows_are_forgotten_by_the_time_of_the_log_so_that_a_rebuild_gives_the_same(store: ReadStore) -> None:
    story = worked()
    story.later(days=29).submit("t-5").assign("t-5.1").succeed("t-5.1")
    assert len(told(story).select(EXECUTIONS)) == 4
    story.later(days=2).submit("t-6").assign("t-6.1").succeed("t-6.1")
    rows = told(story)
    assert {row["run_id"] for row in rows.select(EXECUTIONS)} == {"t-5.1", "t-6.1"}
    assert {row["task_id"] for row in rows.select(TASKS)} == {"t-5", "t-6"}
    assert len(rows.select(RELATIONS)) == 2
    assert len(asked.curves(rows, {}).points) == 4
    story.later(days=70).submit("t-7").assign("t-7.1").succeed("t-7.1")
    rows = told(story)
    assert rows.select(RELATIONS) == []
    # In whatever pieces the log came, and wherever the rows stand.
    runner = Runner(store, READ)
    for at in range(0, len(story.log), 7):
        runner.apply(story.log[at : at + 7])
    with store.snapshot() as stored:
        assert dump(stored, (Knowledge(),)) == dump(rows, (Knowledge(),))


def test_what_is_kept_for_how_long_is_a_setting() -> None:
    kept = workspace.KnowledgeSettings(details_days=1, daily_days=2)
    story = worked().tell(_settings(kept)).later(days=3).submit("t-5").assign("t-5.1").succeed("t-5.1")
    rows = told(story)
    assert [row["run_id"] for row in rows.select(EXECUTIONS)] == ["t-5.1"]
    assert [one.day.isoformat() for one in asked.curves(rows, {}).points] == ["2026-11-23"]


def test_rows_of_a_wrong_shape_are_an_error_with_a_remedy_and_never_an_empty_list(store: ReadStore) -> None:
    Runner(store, READ).apply(worked().log)
    with store.transaction() as transaction:
        transaction._connection.execute("UPDATE checkpoints SET tables = replace(tables, 'check_rounds', 'rounds')")
    with store.snapshot() as rows, pytest.raises(UnavailableError) as refused:
        asked.executions(rows, {}, 9)
    assert refused.value.remedy


def _settings(kept: workspace.KnowledgeSettings) -> workspace.SettingsChanged:
    return workspace.SettingsChanged(name="", default_review=Review.HUMAN, default_priority=50, knowledge=kept)


def a_task(task_id: str = "t-9", project_id: str = "p-1") -> Task:
    event = task.TaskSubmitted(
        task_id=task_id, project_id=project_id, title="Read dates", description="As ISO", task_type="code-generation"
    )
    submitted = evolve(None, event)
    assert submitted is not None
    return submitted


def test_an_agent_is_told_of_the_past_of_its_kind_by_name() -> None:
    found = telling(told(worked()), ByHand(["t-2.1"]), "t-9.1", a_task(), simulated=False)
    assert found is not None and not found.withheld
    assert {(one.run_id, one.outcome) for one in found.given} == {("t-1.2", "accepted"), ("t-2.1", "failed")}
    assert "t-1.2, of card t-1: accepted." in found.text
    assert "> Problem: Its work was sent back: Parse dates Cause: Months are days" in found.text
    assert telling(told(worked()), None, "t-1.3", a_task("t-1"), simulated=False).given[0].task_id == "t-2"  # type: ignore[union-attr]


def test_rehearsals_are_never_told_to_real_runs_nor_the_other_way_round() -> None:
    rows = told(worked())
    assert telling(rows, None, "t-9.1", a_task(), simulated=True) is None
    story = Story().tell(project.ProjectCreated(project_id="p-1", name="Links"))
    story.submit("t-1").assign("t-1.1", simulated=True).succeed("t-1.1")
    assert telling(told(story), None, "t-9.1", a_task(), simulated=False) is None
    assert telling(told(story), None, "t-9.1", a_task(), simulated=True) is not None


def test_nothing_of_a_project_is_told_in_another_that_more_providers_see() -> None:
    story = worked().tell(project.ProjectEdited(project_id="p-1", providers=("ollama",)))
    story.tell(
        project.ProjectCreated(project_id="p-2", name="Open"),
        project.ProjectCreated(project_id="p-3", name="Local", providers=("ollama",)),
    )
    rows, index = told(story), ByHand(["t-1.2", "t-2.1"])
    assert telling(rows, index, "t-9.1", a_task(project_id="p-2"), simulated=False) is None
    assert index.asked == []
    assert telling(rows, index, "t-9.1", a_task(project_id="p-3"), simulated=False) is not None
    assert set(index.asked[-1][1] or ()) == {"p-1", "p-3"}


@pytest.mark.parametrize(("mode", "withheld"), [("off", None), ("on", {False}), ("half", {False, True})])
def test_a_switch_says_who_is_told(mode: str, withheld: set[bool] | None) -> None:
    kept = workspace.KnowledgeSettings(in_briefs=mode)
    story = worked().tell(
        workspace.SettingsChanged(name="", default_review="human", default_priority=50, knowledge=kept)
    )
    rows = told(story)
    found = [telling(rows, None, f"t-9.{number}", a_task(), simulated=False) for number in range(20)]
    assert (None if found[0] is None else {one.withheld for one in found if one}) == withheld


def test_the_effect_compares_runs_that_were_told_with_those_that_were_not() -> None:
    story = worked()
    for number, withheld in ((3, False), (4, True)):
        story.submit(f"t-{number}").assign(f"t-{number}.1")
        given = knowledge.GivenExecution(
            run_id="t-1.2", task_id="t-1", title="Parse dates", outcome="accepted", helped="", score=1
        )
        story.tell(
            knowledge.ExecutionsGiven(
                run_id=f"t-{number}.1", task_id=f"t-{number}", task_type="code-generation", given=(given,),
                text=Content(text="x", size=1), withheld=withheld,
            )
        ).call(f"t-{number}.1/0", cost=10 * number).succeed(f"t-{number}.1")  # fmt: skip
    rows = told(story)
    found = {one.arm: one for one in asked.effect(rows, simulated=False).sums}
    assert (found["given"].runs, found["given"].median_cost_microusd) == (1, 30)
    assert (found["withheld"].runs, found["withheld"].median_cost_microusd) == (1, 40)
    assert (found["nothing"].runs, found["nothing"].successes) == (3, 1)
    assert asked.effect(rows, simulated=True).looked_at == 0
    graph = asked.graph(rows, "run:t-3.1", 1)
    assert ("run:t-3.1", "was-told-of", "run:t-1.2") in {(one.source, one.kind, one.target) for one in graph.edges}
    assert [one.run_id for one in asked.of_run(rows, "t-3.1").given] == ["t-1.2"]  # type: ignore[union-attr]


async def test_agents_look_for_the_past_themselves_and_are_told_no_more_than_their_project_may(
    store: ReadStore,
) -> None:
    story = worked().tell(
        project.ProjectCreated(project_id="p-2", name="Open"),
        knowledge.RelationRecorded(relation_id="relation-1", problem="Slow", cause="No index", task_id="t-1"),
    )
    Runner(store, READ).apply(story.log)
    server = KnowledgeServer(lambda _: StoreReader(store.place), lambda _: ByHand(["t-1.2", "t-2.1"]))
    assert [one.name for one in await server.tools("default")] == ["similar", "causes"]
    own = Caller("default", "agent:developer", project_id="p-1", run_id="t-1.2")
    found = await server.call(own, "similar", {"text": "dates"})
    assert "t-1.2, of card t-1: accepted.\n> Parse dates: done" in found.text
    causes = await server.call(own, "causes", {"containing": "slow"})
    assert "> Problem: Slow\n> Cause: No index\n> Solution: none is known" in causes.text
    Runner(store, READ).apply(story.tell(project.ProjectEdited(project_id="p-1", providers=("ollama",))).log[-1:])
    other = Caller("default", "agent:developer", project_id="p-2", run_id="t-1.2")
    assert (await server.call(other, "similar", {"text": "dates"})).text == "Nothing like it was done before."
    assert (await server.call(other, "causes", {})).text == "No cause of that is known."
