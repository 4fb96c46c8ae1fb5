"""Which shard a workspace is in: the same everywhere, evenly, and with the least possible movement."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapora.domain.shards import moved, shard_of

NAMES = [f"team-{number}" for number in range(2_000)]


def test_where_a_workspace_stands_never_changes_between_versions() -> None:
    """An installation that starts anew on a newer version finds each log where the older one kept it open."""
    assert [shard_of(one, 7) for one in ("default", "acme", "team-1", "team-2", "x")] == [6, 0, 1, 6, 5]


@pytest.mark.parametrize("shards", [1, 2, 3, 8, 31])
def test_the_shards_share_evenly(shards: int) -> None:
    found = Counter(shard_of(one, shards) for one in NAMES)
    fair = len(NAMES) / shards
    assert set(found) == set(range(shards))
    assert all(fair * 0.6 < many < fair * 1.4 for many in found.values())


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 3), (3, 4), (8, 9), (4, 3), (9, 8), (4, 8)])
def test_no_more_moves_than_has_to(before: int, after: int) -> None:
    share = abs(after - before) / max(before, after)
    assert len(moved(NAMES, before, after)) < len(NAMES) * share * 1.25


@given(st.text(min_size=1, max_size=40), st.integers(1, 40))
def test_one_shard_more_takes_and_no_other_gives_to_another(workspace: str, shards: int) -> None:
    before, after = shard_of(workspace, shards), shard_of(workspace, shards + 1)
    assert after in (before, shards)


def test_there_is_a_shard() -> None:
    with pytest.raises(ValueError, match="no shard"):
        shard_of("acme", 0)
