"""What is alike, how good a run was, what is near, and what an agent may be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from vapora.commands import RecordRelation, RemoveRelation
from vapora.domain.knowledge import effect, past, relation
from vapora.domain.knowledge.graph import Edge, Near, Node, walk
from vapora.domain.knowledge.past import PastExecution
from vapora.domain.knowledge.quality import Facts, parts, quality
from vapora.domain.rank_fusion import reciprocal_rank
from vapora.errors import NotFoundError

GOOD = Facts("succeeded", "accepted", "green", 1, reviewed=True, landed=True)
ONE = PastExecution("t-1.1", "t-1", "p-1", "Parse dates", "accepted", 1.0, "2026-11-20", "It reads ISO 8601.")


def test_rankings_are_joined_by_reciprocal_rank_with_k_60() -> None:
    found = reciprocal_rank([["a", "b", "c"], ["b", "d"]])
    assert [one for one, _ in found] == ["b", "a", "d", "c"]
    assert dict(found)["b"] == pytest.approx(1 / 62 + 1 / 61)
    assert reciprocal_rank([]) == []


@given(some.lists(some.lists(some.sampled_from("abcdef"), unique=True), max_size=3))
def test_what_stands_before_another_in_all_rankings_stands_before_it_in_the_joined_one(
    rankings: list[list[str]],
) -> None:
    places = {one: place for place, (one, _) in enumerate(reciprocal_rank(rankings))}
    assert set(places) == {one for ranking in rankings for one in ranking}
    for one in places:
        for other in places:
            both = [ranking for ranking in rankings if one in ranking or other in ranking]
            before = [one in r and (other not in r or r.index(one) < r.index(other)) for r in both]
            if one != other and both and all(before):
                assert places[one] < places[other]


def test_quality_is_the_mean_of_what_the_log_says_and_of_nothing_else() -> None:
    assert quality(GOOD) == 1.0
    assert parts(replace(GOOD, check_rounds=2))["first_time"] == 0.5
    assert quality(replace(GOOD, verdict="rejected", landed=False)) == pytest.approx(3 / 4)
    assert parts(Facts("succeeded")) == {"done": 1.0}
    assert (quality(Facts("failed", checks="green")), quality(Facts("running")), quality(Facts("cancelled"))) == (
        0,
        None,
        None,
    )


def ring(size: int) -> Sequence[str]:
    return [f"t-{number}" for number in range(size)]


def of_ring(size: int, front: Sequence[Node]) -> Near:
    names = ring(size)
    edges = []
    for node in front:
        at = names.index(node.id)
        edges += [Edge(f"task:{names[at]}", "waits-for", f"task:{names[(at + step) % size]}") for step in (-1, 1)]
    found = {edge.target: Node("task", edge.target.partition(":")[2]) for edge in edges}
    return Near(tuple(found.values()), tuple(edges))


@given(some.integers(3, 30), some.integers(0, 6), some.integers(1, 40))
def test_a_walk_gives_each_node_once_at_its_least_distance_and_no_more_than_wanted(
    size: int, depth: int, most: int
) -> None:
    found = walk(Node("task", "t-0"), lambda front: of_ring(size, front), depth, most)
    assert len(found.nodes) == len({one.name for one in found.nodes}) == min(most, size, 1 + 2 * depth)
    for one in found.nodes:
        at = int(one.id.partition("-")[2])
        assert found.distance[one.name] == min(at, size - at) <= depth
    names = {one.name for one in found.nodes}
    assert all(edge.source in names and edge.target in names for edge in found.edges)


@pytest.mark.parametrize(
    ("of", "to", "may"),
    [
        ((), (), True),
        ((), ("ollama",), True),
        (("ollama",), (), False),
        (("ollama",), ("ollama",), True),
        (("ollama",), ("ollama", "openai"), False),
        (("ollama", "openai"), ("openai",), True),
    ],
)
def test_a_project_is_told_of_another_only_if_all_who_see_it_may_see_that(
    of: tuple[str, ...], to: tuple[str, ...], may: bool
) -> None:
    assert past.may_be_told(of, to) is may


def test_the_most_useful_come_first_one_a_card_and_none_without_words() -> None:
    worse = replace(ONE, run_id="t-2.1", task_id="t-2", quality=0.2, at="2026-11-10")
    same_card = replace(ONE, run_id="t-1.2", at="2026-11-21", quality=0.9)
    silent = replace(ONE, run_id="t-3.1", task_id="t-3", helped="")
    running = replace(ONE, run_id="t-4.1", task_id="t-4", outcome="running")
    found = past.choose([worse, ONE, same_card, silent, running], [["t-9.9", "t-2.1"]], most=2)
    assert {one.execution.task_id for one in found} == {"t-1", "t-2"}
    assert [one.execution.run_id for one in past.choose([worse, ONE], [])] == ["t-1.1", "t-2.1"]
    # Likeness decides between what is equally good and old.
    twin = replace(ONE, run_id="t-5.1", task_id="t-5")
    assert past.choose([ONE, twin], [["t-5.1"]])[0].execution is twin
    assert past.choose([ONE, twin], [["t-1.1"]])[0].execution is ONE


@given(some.lists(some.text(max_size=3_000), min_size=1, max_size=5))
def test_what_is_told_is_bounded_and_no_word_of_others_stands_at_the_beginning_of_a_line(words: list[str]) -> None:
    chosen = [past.Chosen(replace(ONE, helped=text, title=text), 0.1) for text in words]
    lines = past.told(chosen).splitlines()
    assert sum(map(len, lines)) < past.LONGEST + 1_000
    ours = [line for line in lines if not line.startswith(">")]
    for line in ours[2:]:
        assert line.endswith("t-1.1, of card t-1: accepted.")


def test_half_is_chance_that_falls_the_same_way_again() -> None:
    ids = [f"task-{number}.1" for number in range(1_000)]
    held = [past.is_withheld("half", one) for one in ids]
    assert 400 < sum(held) < 600
    assert held == [past.is_withheld("half", one) for one in ids]
    assert not any(past.is_withheld("on", one) for one in ids)


def test_an_effect_is_shown_with_its_counts_and_what_speaks_against_believing_it() -> None:
    one = effect.Ended("given", True, 0.8, 100, 2_000)
    few = effect.sums([one, replace(one, success=False, quality=0.0, cost_microusd=300), replace(one, arm="nothing")])
    assert [(each.arm, each.runs, each.success_rate, each.median_cost_microusd) for each in few] == [
        ("given", 2, 0.5, 200),
        ("withheld", 0, None, None),
        ("nothing", 1, 1.0, 100),
    ]
    assert "half" in effect.caution(few)
    many = effect.sums([one] * 20 + [replace(one, arm="withheld")] * 20)
    assert effect.caution(many) == ""


def test_a_cause_is_recorded_once_and_removed_once() -> None:
    command = RecordRelation(problem="It fails", cause="A locale", task_id="t-1")
    [event] = relation.record(None, command, "relation-1")
    state = relation.evolve(None, event)
    assert relation.record(state, command, "relation-1") == ()
    [gone] = relation.remove(state, RemoveRelation(reason="no"), "relation-1")
    assert relation.remove(relation.evolve(state, gone), RemoveRelation(), "relation-1") == ()
    with pytest.raises(NotFoundError):
        relation.remove(None, RemoveRelation(), "relation-2")
    assert relation.remove(None, RemoveRelation(folded=True), "t-1.1.failure.7")
