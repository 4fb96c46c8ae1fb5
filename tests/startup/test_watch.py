from __future__ import annotations

from vapora.startup.watch import PATIENCE_S, Watch


class Scene:
    def __init__(self) -> None:
        self.now = 100.0
        self.living = {1, 2}
        self.answers = True
        pillars = [(1, "gcs_server"), (2, "raylet")]
        self.watch = Watch(pillars, self.living.__contains__, lambda: self.answers, self.clock)

    def clock(self) -> float:
        return self.now

    def after(self, seconds: float) -> str | None:
        self.now += seconds
        return self.watch.look()


def test_while_all_live_and_the_api_answers_there_is_nothing_to_say() -> None:
    scene = Scene()
    assert [scene.after(1_000) for _ in range(3)] == [None, None, None]


def test_a_pillar_that_ended_is_told_at_once_by_name() -> None:
    scene = Scene()
    scene.living.remove(2)
    assert scene.after(0) == "Ray has died: its process raylet (2) has ended."


def test_it_does_not_wait_for_the_api_where_a_pillar_ends_meanwhile() -> None:
    scene = Scene()

    def dies() -> bool:
        scene.living.remove(1)
        return False

    scene.watch = Watch([(1, "gcs_server")], scene.living.__contains__, dies, scene.clock)
    assert scene.after(0) == "Ray has died: its process gcs_server (1) has ended."


def test_a_silent_api_is_given_time_to_be_started_again() -> None:
    scene = Scene()
    scene.answers = False
    assert scene.after(1_000) is None, "it looks for the first time"
    assert scene.after(PATIENCE_S) is None
    assert scene.after(1) == "The API has not answered for 21 s."


def test_an_answer_in_between_begins_the_time_anew() -> None:
    scene = Scene()
    assert scene.after(0) is None
    scene.answers = False
    assert scene.after(PATIENCE_S) is None
    scene.answers = True
    assert scene.after(1) is None
    scene.answers = False
    assert scene.after(PATIENCE_S) is None
