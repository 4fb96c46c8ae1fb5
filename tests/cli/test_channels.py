"""`vapora channels`, against a receiver on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.waiting import wait_for

Run = Callable[..., Any]


class _Told(BaseHTTPRequestHandler):
    said: list[dict[str, Any]]
    status: int

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.said.append(json.loads(body))
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the tests look at what was said."""


@pytest.fixture
def told() -> Iterator[tuple[str, type[_Told]]]:
    """An address, and what came there."""
    handler = type("Told", (_Told,), {"said": [], "status": 200})
    server = HTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook", handler
    server.shutdown()
    server.server_close()


def test_a_channel_is_set_tested_told_and_removed(vapora: Run, told: tuple[str, type[_Told]]) -> None:
    address, there = told
    assert "There is no channel" in vapora("channels").out
    assert vapora("secrets", "set", "channel-ops", typed=address).code == 0
    made = vapora(
        "channels", "set", "ops", "--kind", "slack", "--secret", "channel-ops",
        "--notice", "task-done", "--template", "task-done=$task_title is done", "--json",
    )  # fmt: skip
    assert made.code == 0, made.err
    changed = vapora("channels", "set", "ops", "--description", "For those on call", "--json")
    assert (changed.json["notices"], changed.json["description"]) == (["task-done"], "For those on call")
    listed = vapora("channels", "--json")
    assert [(one["id"], one["kind"]) for one in listed.json["items"]] == [("ops", "slack")]
    assert address not in listed.out

    assert "It arrived" in vapora("channels", "test", "ops").out
    there.status = 404
    refused = vapora("channels", "test", "ops")
    assert refused.code == 1 and "404" in refused.out + refused.err
    there.status = 200
    vapora("project", "add", "Told")
    vapora("task", "add", "Write the parser", "--project", "Told", "--review", "none", "--quiet")

    def delivered() -> list[dict[str, Any]]:
        return list(vapora("channels", "deliveries", "ops", "--state", "delivered", "--json").json["items"])

    [delivery] = wait_for("a delivery", delivered)
    assert (delivery["topic"], delivery["attempts"]) == ("task.completed", 1)
    assert there.said[-1]["text"] == "Write the parser is done"
    assert vapora("channels", "deliveries", "ops", "--state", "dead", "--json").json["items"] == []
    assert "sent again" in vapora("channels", "resend", "ops").out
    assert vapora("channels", "remove", "ops").code == 0
    assert vapora("channels", "deliveries", "ops").code == 1


def test_what_cannot_be_a_channel_is_refused(vapora: Run) -> None:
    assert vapora("channels", "set", "ops").code == 2
    assert vapora("channels", "set", "ops", "--kind", "slack", "--template", "task-done").code == 2
    unknown = vapora("channels", "set", "ops", "--kind", "slack", "--secret", "channel-x", "--notice", "all")
    assert unknown.code == 1 and "plan-proposed" in unknown.err
    assert vapora("channels", "deliveries", "ops", "--state", "lost").code == 2
