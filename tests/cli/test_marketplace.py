"""`vapora marketplace`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Run = Callable[..., Any]


def test_a_package_is_looked_at_installed_configured_and_removed(vapora: Run) -> None:
    listed = vapora("marketplace", "list", "--json")
    assert len(listed.json["items"]) == 8
    assert "pr-monitor" in vapora("marketplace").out
    shown = vapora("marketplace", "show", "time")
    assert "mcp-server-time" in shown.out and "pip install" in shown.out.replace("\n", " ")
    made = vapora("marketplace", "install", "pr-monitor", "--yes")
    assert made.code == 0 and "the agent pr-monitor" in made.out, made.err
    said = vapora("marketplace", "configure", "pr-monitor", "--set", "temperature=0.3", "--json")
    assert said.json["config"] == {"temperature": 0.3}
    more = vapora("marketplace", "configure", "pr-monitor", "--set", "priority=80", "--json")
    assert more.json["config"] == {"temperature": 0.3, "priority": 80}
    assert vapora("marketplace", "configure", "pr-monitor", "--reset", "--json").json["config"] == {}
    assert vapora("marketplace", "upgrade", "pr-monitor", "--yes").code == 0
    assert vapora("marketplace", "remove", "pr-monitor").code == 0
    assert vapora("marketplace", "refresh", "--json").json["problems"] == {}


def test_what_cannot_be_is_refused(vapora: Run) -> None:
    assert vapora("marketplace", "show", "unheard-of").code == 1
    assert vapora("marketplace", "list", "--kind", "song").code == 2
    assert vapora("marketplace", "configure", "pr-monitor").code == 2
    assert vapora("marketplace", "configure", "pr-monitor", "--set", "colour=red").code == 2
    stale = vapora("marketplace", "install", "pr-monitor", "--digest", "0" * 64)
    assert stale.code == 1 and "another digest" in stale.err
    assert vapora("marketplace", "remove", "pr-monitor").code == 1
