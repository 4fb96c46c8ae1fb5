from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from events.ids import Review, TaskState
from vapora.cli.demo.progress import PATIENCE_S, SILENCE_S, DemoProgress, waits_for
from vapora.views import Frame, TaskCard

Card = Callable[..., TaskCard]


def frame(position: int, view: str, row: dict[str, Any]) -> Frame:
    operation = "remove" if row.get("removed") else "put"
    change = {"view": view, "key": row["id"], "operation": operation, "row": row}
    return Frame.read(json.dumps({"position": position, "rows": [change]}))


def progress(*cards: TaskCard) -> DemoProgress:
    made = DemoProgress(tuple(card.id for card in cards), changed_at=0)
    made.look(cards, 0)
    return made


def test_a_frame_moves_a_card_and_tells_which(card: Card) -> None:
    seen = progress(card("a"))
    row = card("a", state="done", position=5).model_dump(mode="json")

    moved = seen.apply(frame(5, "task", {**row, "from_a_newer_server": 1}), at=3)

    assert [one.id for one in moved] == ["a"]
    assert seen.count()[TaskState.DONE] == 1
    assert seen.changed_at == 3


def test_a_card_never_goes_backwards(card: Card) -> None:
    seen = progress(card("a", state="done", position=5))

    assert seen.look([card("a", state="todo", position=4)], at=9) == []
    assert seen.tasks["a"].state is TaskState.DONE
    assert seen.changed_at == 0


def test_cards_of_an_earlier_demo_are_not_watched(card: Card) -> None:
    seen = progress(card("a"))

    assert seen.apply(frame(5, "task", card("old", position=5).model_dump(mode="json")), at=1) == []
    assert set(seen.tasks) == {"a"}


def test_agents_come_and_go_by_frames() -> None:
    seen = DemoProgress((), changed_at=0)
    agent = {
        "id": "tester", "role": "tester", "name": "Tester", "state": "idle", "load": 0.0, "capacity": 2, "running": 0,
        "capabilities": [], "task_types": [], "position": 1,
    }  # fmt: skip

    seen.apply(frame(1, "agent", agent), at=1)
    assert seen.agents["tester"].capacity == 2
    seen.apply(frame(2, "agent", {"id": "tester", "removed": True, "position": 2}), at=2)
    assert seen.agents == {}


def test_it_is_done_when_every_card_is(card: Card) -> None:
    assert progress(card("a", state="done"), card("b", state="done")).verdict(1) == "done"
    assert progress(card("a", state="done"), card("b", state="in-progress")).verdict(1) == "working"


def test_a_card_that_was_not_seen_yet_is_not_done(card: Card) -> None:
    seen = DemoProgress(("a", "b"), changed_at=0)
    seen.look([card("a", state="done")], 0)

    assert seen.verdict(1) == "working"
    assert seen.count()[TaskState.TODO] == 1
    assert seen.verdict(SILENCE_S + 1) == "stuck"


def test_what_only_a_person_can_move_is_stuck_at_once(card: Card) -> None:
    assert progress(card("a", state="failed"), card("b", state="done")).verdict(1) == "stuck"
    assert progress(card("a", state="review", review=Review.HUMAN)).verdict(1) == "stuck"
    assert progress(card("a", state="review", review=Review.AGENT)).verdict(1) == "working"
    assert progress(card("a", state="failed"), card("b", state="todo")).verdict(1) == "working"


def test_a_wait_for_money_may_end_by_itself_for_a_while(card: Card) -> None:
    seen = progress(card("a", state="in-progress", waiting="budget"), card("b", state="done"))

    assert seen.verdict(PATIENCE_S - 1) == "working"
    assert seen.verdict(PATIENCE_S + 1) == "stuck"


def test_a_long_silence_is_stuck_even_without_a_reason(card: Card) -> None:
    seen = progress(card("a", state="in-progress"))

    assert seen.verdict(PATIENCE_S + 1) == "working"
    assert seen.verdict(SILENCE_S + 1) == "stuck"


def test_real_and_simulated_money_stay_apart(card: Card) -> None:
    seen = progress(card("a", cost_microusd=10), card("b", cost_microusd=5, simulated=False))

    assert seen.spent() == {True: 10, False: 5}


def test_every_unfinished_card_says_what_it_waits_for(card: Card) -> None:
    assert waits_for(card("a", state="in-progress", waiting="budget")) == "waits for budget: Raise the limit."
    assert waits_for(card("a", state="failed")) == "failed: no reason was given"
    assert waits_for(card("a", state="review")) == "waits for a review"
    assert waits_for(card("a", state="todo")) == "is still todo"


def test_where_accepted_work_lands_a_card_is_over_only_when_it_has(card: Card) -> None:
    done = card("a", state="done", base="0", head="1", position=2)
    landed = {"oid": "2" * 40, "at": done.created_at}
    seen = DemoProgress(("a",), changed_at=0, lands=True)

    seen.look([done], 0)
    assert seen.verdict(1) == "working"
    assert waits_for(done) == "is done and not merged"
    assert [one.id for one in seen.look([done.model_copy(update={"landed": landed, "position": 3})], 1)] == ["a"]


def test_a_card_that_changed_nothing_is_over_when_it_is_done(card: Card) -> None:
    seen = DemoProgress(("a",), changed_at=0, lands=True)
    seen.look([card("a", state="done", base="0", head="0")], 0)

    assert seen.verdict(1) == "done"


def test_a_landing_that_a_person_has_to_help_ends_the_demo(card: Card) -> None:
    problem = {"kind": "target-dirty", "message": "a.py is in the way", "paths": ("a.py",), "at": card("a").created_at}
    stuck = card("a", state="done", base="0", head="1", landing_problem=problem)
    seen = DemoProgress(("a",), changed_at=0, lands=True)
    seen.look([stuck], 0)

    assert seen.verdict(1) == "stuck"
    assert waits_for(stuck) == "could not be merged: a.py is in the way"


def test_a_review_that_went_to_a_person_ends_the_demo(card: Card) -> None:
    seen = progress(card("a", state="review", review="agent", reviewer="human"))

    assert seen.verdict(1) == "stuck"


def test_it_is_told_when_an_agent_begins_to_review_and_not_when_it_has_ended(card: Card) -> None:
    review = {
        "run_id": "a.2", "agent_id": "code-reviewer", "role": "code-reviewer", "purpose": "review", "state": "running",
        "started_at": card("a").created_at,
    }  # fmt: skip
    seen = progress(card("a", state="review", review="agent"))

    assert len(seen.look([card("a", state="review", review="agent", runs=(review,), position=2)], 1)) == 1
    over = card("a", state="review", review="agent", runs=({**review, "state": "succeeded"},), position=3)
    assert seen.look([over], 2) == []
