"""`vapora tools`, against a real server of tools in the sandbox."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import invoke, quick
from tests.ports import free_port
from tests.sandbox.conftest import require
from tests.tool_servers.asking import Asking, environ
from tests.tool_servers.odd import PROGRAM, PYTHON
from vapora.platform import Platform
from vapora.testing import FakeVendors

Run = Callable[..., Any]


@pytest.fixture
def odd(vapora: Run) -> Iterator[Any]:
    require("bubblewrap")
    seen = [part for folder in (*PYTHON, str(PROGRAM.parent)) for part in ("--read", folder)]
    made = vapora(
        "tools", "set", "odd", *seen, "--role", "developer", "--expect", "echo", "--expect", "no", "--json",
        "--", sys.executable, str(PROGRAM),
    )  # fmt: skip
    assert made.code == 0, made.err
    yield made.json
    vapora("tools", "remove", "odd")


def test_a_server_is_set_shown_called_changed_and_removed(vapora: Run, odd: Any) -> None:
    assert (odd["state"], odd["missing"]) == ("ready", ["no"])
    listed = vapora("tools", "servers", "--json").json["items"]
    assert ("odd", "stdio") in [(one["id"], one["transport"]["kind"]) for one in listed]
    drawn = vapora("tools", "servers").out
    assert "odd" in drawn and "people" in drawn
    names = [one["name"] for one in vapora("tools", "list", "--server", "odd", "--json").json["items"]]
    assert "odd.echo" in names
    assert "odd.echo" in vapora("tools").out
    assert "Says what it is told." in vapora("tools", "show", "odd.echo").out
    assert vapora("tools", "show", "odd.nothing").code == 1

    # A text stays a text, also where it looks like a number; a number is one.
    called = vapora("tools", "call", "odd.echo", "text=12", "--json")
    assert (called.code, called.json["ok"], called.json["text"]) == (0, True, "said: 12")
    assert vapora("tools", "call", "odd.big", "size=3").out == "xxx\n"
    assert vapora("tools", "call", "odd.echo", "--arguments", '{"text": "all"}').out == "said: all\n"
    failed = vapora("tools", "call", "odd.fail")
    assert failed.code == 1 and "fail" in failed.out

    assert "odd://note" in vapora("tools", "resources", "odd").out
    assert vapora("tools", "resources", "odd", "odd://note", "--json").json["text"] == "what the note says"

    assert '"name": "greet"' in vapora("tools", "prompts", "odd").out
    got = vapora("tools", "prompts", "odd", "greet", "name=Ada", "tone=a=b", "--json")
    assert got.json["text"] == "[user]\nGreet Ada. Be a=b."
    assert vapora("tools", "prompts", "odd", "nothing").code == 1

    changed = vapora("tools", "set", "odd", "--title", "Odd", "--timeout", "5", "--json").json
    assert (changed["title"], changed["timeout_s"], changed["roles"]) == ("Odd", 5, ["developer"])
    assert changed["transport"] == odd["transport"]
    assert vapora("tools", "remove", "odd").code == 0
    assert vapora("tools", "show", "odd").code == 1


def test_a_server_is_set_from_a_file(vapora: Run, tmp_path: Path) -> None:
    file = tmp_path / "server.json"
    file.write_text('{"transport": {"kind": "stdio", "command": ["/bin/true"]}, "enabled": false, "roles": ["tester"]}')
    made = vapora("tools", "set", "filed", "--file", str(file), "--title", "Filed", "--json")
    assert (made.json["title"], made.json["roles"], made.json["enabled"]) == ("Filed", ["tester"], False)
    assert vapora("tools", "remove", "filed").code == 0


def test_wrong_usage_is_told_from_a_refusal(vapora: Run) -> None:
    assert vapora("tools", "set", "odd").code == 2
    assert vapora("tools", "set", "odd", "--url", "https://example.com/mcp", "--", "/bin/true").code == 2
    assert vapora("tools", "set", "odd", "--secret", "nothing", "--", "/bin/true").code == 2
    # A secret stands in the vault, and never in a definition.
    hidden = vapora("tools", "set", "odd", "--variable", "API_TOKEN=x", "--", "/bin/true")
    assert hidden.code == 2 and "secret" in hidden.err
    assert vapora("tools", "call", "odd.echo", "--arguments", "[]").code == 2
    assert vapora("tools", "call", "nobody.nothing").code == 1
    assert vapora("tools", "decide", "t-1.1", "perhaps", "--seen", "0" * 12).code == 2
    assert vapora("tools", "decide", "no-such-run.1", "allow", "--seen", "0" * 12).code == 1


def test_a_call_that_waits_is_shown_whole_and_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require("bubblewrap")
    with FakeVendors() as vendors:
        for name, value in environ(vendors).items():
            monkeypatch.setenv(name, value)
        settings = quick(tmp_path / "data", free_port()).model_copy(update={"model": "auto"})
        platform = Platform(settings)
        try:
            url = platform.start().api.removesuffix("/api/v1")
            asking = Asking(f"{url}/api/v1", (settings.data / "operator_token").read_text().strip(), tmp_path)

            def said(*arguments: str) -> Any:
                return invoke(*arguments, COLUMNS="300", VAPORA_URL=url, VAPORA_DATA=str(settings.data))

            first = asking.waits(3)
            shown = said("task", "show", asking.task_id).out
            assert f'odd.big {{"size": 3}} [{first["seen"]}]' in shown
            # A word on another call lets nothing out.
            assert said("tools", "decide", first["run_id"], "allow", "--seen", "0" * 12).code == 0
            assert said("tools", "decide", first["run_id"], "allow", "--seen", first["seen"]).code == 0
            second = asking.waits(4)
            assert second["seen"] != first["seen"]
            refused = said("tools", "decide", second["run_id"], "refuse", "--seen", second["seen"], "--comment", "No.")
            assert refused.code == 0
            assert asking.results() == ["xxx", "A person refused this call. No."]
            asking.close()
        finally:
            platform.stop()
