"""Names of traces and spans: the same wherever they are worked out, and what others send is taken or left."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased

from vapora import trace_ids

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_trace_is_named_after_its_correlation_or_is_the_one_that_the_caller_began() -> None:
    assert trace_ids.trace_id_of("cor-1").to_bytes(16) == sha256(b"cor-1").digest()[:16]
    place = trace_ids.place_of(PARENT)
    assert place is not None and place.sampled
    correlation = trace_ids.correlation_of(place)
    assert correlation == "tr-0af7651916cd43dd8448eb211c80319c"
    assert trace_ids.trace_id_of(correlation) == place.trace_id
    assert place.traceparent == PARENT


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "00-0-1-01",
        PARENT.upper(),
        PARENT + "-more",
        "ff" + PARENT[2:],
        "00-" + "0" * 32 + "-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01",
        PARENT + "x" * 300,
    ],
)
def test_what_is_no_traceparent_is_left_aside(header: str | None) -> None:
    assert trace_ids.place_of(header) is None


def test_a_later_version_may_say_more_and_one_that_is_not_sampled_says_so() -> None:
    assert trace_ids.place_of("01" + PARENT[2:] + "-more") == trace_ids.place_of(PARENT)
    not_sampled = trace_ids.place_of(PARENT[:-2] + "00")
    assert not_sampled is not None and not not_sampled.sampled


@given(st.integers(1, 2**128 - 1), st.floats(0, 1))
def test_the_log_knows_which_traces_are_sampled(trace_id: int, ratio: float) -> None:
    decided = TraceIdRatioBased(ratio).should_sample(None, trace_id, "x").decision
    assert trace_ids.is_sampled(trace_id, ratio) == (decided is Decision.RECORD_AND_SAMPLE)
