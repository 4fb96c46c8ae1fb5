"""What is used of Ray's private parts: with each new version of it, these tell whether it is still there."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib.metadata import version

import pytest

_PARTS = {
    "a replica's gRPC port is opened by a function of this name, with the address": """
        from ray.serve._private import replica
        import inspect
        source = inspect.getsource(replica)
        assert "add_port_to_grpc_server(" in source and "[::]:" in source
        """,
    "Ray prints what nodes say through this function": """
        import ray._private.worker as worker
        assert callable(worker.print_to_stdstream)
        """,
    "the agent's port is a parameter of this class": """
        import inspect
        from ray._private import parameter
        assert "dashboard_agent_listen_port" in inspect.signature(parameter.RayParams.__init__).parameters
        """,
    "a process knows the cluster that it belongs to": """
        import inspect
        from ray._private.node import Node
        assert "self.cluster_id =" in inspect.getsource(Node) or "self._cluster_id" in inspect.getsource(Node)
        """,
}


def test_the_version_is_one_that_they_were_looked_up_in() -> None:
    assert version("ray").split(".")[:2] == ["2", "60"], "look through this file, and then name the new version"


@pytest.mark.parametrize("part", _PARTS)
def test_it_is_there(part: str) -> None:
    # In a process of its own: others here may have changed them.
    done = subprocess.run([sys.executable, "-c", inspect.cleandoc(_PARTS[part])], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
