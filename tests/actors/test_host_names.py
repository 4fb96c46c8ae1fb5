from __future__ import annotations

import pytest

from actors.kinds import KINDS
from actors.runtime.ray import role_of, title_of


@pytest.mark.parametrize("kind", sorted({*KINDS, "cell", "agents"}))
def test_every_kind_of_host_has_a_role_that_people_know(kind: str) -> None:
    assert role_of(f"{kind}/default").isidentifier()


def test_a_title_is_role_and_name() -> None:
    titles = [title_of(host) for host in ("coordinator/default", "agent/default/tester", "router")]
    assert titles == ["SwarmCoordinator default", "Agent default/tester", "LLMRouter"]
