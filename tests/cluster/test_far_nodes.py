"""The direct transport between two nodes, each a network of its own: they call each other, and one that loses its power
is noticed though nobody says goodbye."""

from __future__ import annotations

import asyncio
import os
import pickle
from pathlib import Path

import pytest

from actors.runtime.direct import DirectLine
from actors.runtime.lines import CutError
from tests.actors.transports import REPEATED, command
from tests.cluster.hosts import ROOT, Host, missing, network

SECRET = b"5d" * 32
# The system gives up after some 11 s of silence; a machine that runs other tests beside it is given ten times that.
NOTICED_WITHIN_S = 120


async def test_two_nodes_call_each_other_and_one_that_loses_its_power_is_noticed(tmp_path: Path) -> None:
    def packed(method: str, *args: object) -> bytes:
        return pickle.dumps((str(REPEATED), method, args, {}, None))

    if why := missing():
        if os.environ.get("CI"):
            pytest.fail(f"no hosts: {why}")
        pytest.skip(f"no hosts: {why}")
    with network():
        node = Host("far", 9, tmp_path / "far")
        try:
            node.power_on()
            serving = await asyncio.create_subprocess_exec(
                *node.inside(),
                *command(Path("/tmp"), SECRET, node.address),
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=asyncio.subprocess.PIPE,
            )
            assert serving.stdout is not None
            place = (await serving.stdout.readline()).decode().strip()
            assert place.startswith(f"{node.address}:")
            with pytest.raises(ConnectionResetError):
                await DirectLine.open_far(place, b"6e" * 32)
            line = await DirectLine.open_far(place, SECRET)
            assert pickle.loads(await line.call(packed("echo", b"x" * 1_000_000))) == (True, b"x" * 1_000_000)
            held = asyncio.create_task(line.call(packed("hold", "on")))
            assert pickle.loads(await line.call(packed("echo", 1))) == (True, 1)
            node.lose_power()
            with pytest.raises(CutError) as caught:
                await asyncio.wait_for(held, NOTICED_WITHIN_S)
            assert caught.value.sent
        finally:
            node.remove()
            await serving.wait()
