"""The real local runtime in a process that is killed: the next one goes on, and nothing is asked or paid for twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from events.ids import Provider
from tests.waiting import wait_for
from vapora.sdk import Client
from vapora.testing import Behaviour, FakeVendors

SCRIPT = Path(__file__).with_name("installation.py")


@contextmanager
def running(data: Path, vendors: FakeVendors) -> Iterator[tuple[subprocess.Popen[str], Client]]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("VAPORA_")}
    child = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(data)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environ | vendors.environ(Provider.ANTHROPIC),
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        said = child.stdout.readline()
        assert said, "it did not start"
        where = json.loads(said)
        with Client(where["url"], token=where["token"]) as client:
            yield child, client
        if child.poll() is None:
            child.stdin.close()
            assert child.wait(240) == 0
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def test_a_killed_process_goes_on_where_it_was_and_pays_once(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with FakeVendors() as vendors:
        vendors.script(Provider.ANTHROPIC, Behaviour(text="A letter."), Behaviour(text="Yes."))
        with running(data, vendors) as (child, client):
            task = client.projects.create("Post").tasks.submit("Carry it", agent="courier", review="none").id
            wait_for("the tool is at work", lambda: (data / "weighing").exists())
            child.kill()
            child.wait()
        (data / "go").touch()
        with running(data, vendors) as (_, client):
            done = client.wait(task, timeout=120)
            assert done.state.value == "done", done
            assert client.output(task).text == "sent 9 Yes."
            [run] = done.runs
            assert (run.calls, run.agent_id) == (2, "courier")
            assert [one.name for one in client.steps(run.run_id) if one.kind == "tool"] == [
                "python.weigh",
                "python.send",
            ]
            # Asked twice in all, and paid for what the vendor billed: the first answer was read from the log.
            assert len(vendors.requests) == 2
            assert done.cost_microusd == vendors.ledger.billed_microusd
            assert (data / "sent").read_text() == "A letter.\n"
