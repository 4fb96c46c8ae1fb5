from __future__ import annotations

from typing import Any

from actors.projector.frame_buffer import FrameBuffer


def frames(*positions: int) -> list[dict[str, Any]]:
    return [{"position": position, "rows": []} for position in positions]


def positions(found: list[dict[str, Any]] | None) -> list[int] | None:
    return None if found is None else [one["position"] for one in found]


def test_it_gives_the_first_frames_beyond_a_position() -> None:
    ring = FrameBuffer()
    ring.add(frames(2, 4, 6))
    assert positions(ring.after(2, 1)) == [4]
    assert positions(ring.after(0, 10)) == [2, 4, 6]
    assert positions(ring.after(6, 10)) == []


def test_what_it_has_dropped_is_to_be_had_from_the_tables() -> None:
    ring = FrameBuffer(size=2)
    ring.add(frames(2, 4, 6))
    assert ring.after(1, 10) is None
    assert positions(ring.after(2, 10)) == [4, 6]


def test_positions_never_go_backwards_whoever_catches_up_late() -> None:
    ring = FrameBuffer(10)
    ring.add(frames(12, 14))
    ring.add(frames(6, 8, 14, 16))
    assert positions(ring.after(10, 10)) == [12, 14, 16]


def test_after_events_that_nobody_made_frames_of_everybody_looks_into_the_tables() -> None:
    ring = FrameBuffer()
    ring.add(frames(2, 4))
    ring.skip(50_000)
    assert ring.after(4, 10) is None
    ring.add(frames(50_001))
    assert positions(ring.after(50_000, 10)) == [50_001]
