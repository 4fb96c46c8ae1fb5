"""A provider with one paused model is up, and everything that speaks of providers says so."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from events.ids import Provider
from tests.cli.conftest import invoke, quick
from tests.cli.test_commands import wait_for
from tests.ports import free_port
from vapora.platform import Platform
from vapora.testing import Behaviour, FakeVendors, Fault, Received

OPUS = "claude-opus-5-5"


def _no_opus(received: Received) -> Behaviour:
    return Behaviour(fault=Fault.FORBIDDEN) if received.model == OPUS else Behaviour()


def test_health_metrics_and_doctor_name_the_model_and_not_its_provider(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeVendors() as vendors:
        for name, value in vendors.environ(Provider.ANTHROPIC).items():
            monkeypatch.setenv(name, value)
        vendors.default(_no_opus)
        settings = quick(tmp_path / "data", free_port()).model_copy(update={"model": "auto"})
        platform = Platform(settings)
        try:
            url = platform.start().api.removesuffix("/api/v1")
            with httpx.Client(base_url=f"{url}/api/v1", timeout=60) as api:
                project = api.post("/projects", json={"name": "Paused"}).json()["id"]
                task = {
                    "project_id": project,
                    "title": "Decide it",
                    "task_type": "architecture-design",
                    "review": "none",
                }
                task_id = api.post("/tasks", json=task).json()["task_id"]
                wait_for(url, task_id, "done")
            health = httpx.get(f"{url}/health", timeout=60).json()
            metrics = httpx.get(f"{url}/metrics", timeout=60).text
            said = invoke("doctor", "--data", str(settings.data), VAPORA_URL=url)
        finally:
            platform.stop()
    assert health["status"] == "ok"
    assert health["providers"] == {"anthropic": "up"}
    assert health["paused_models"] == {f"anthropic/{OPUS}": "permission-denied"}
    assert 'vapora_llm_provider_up{provider="anthropic"} 1.0' in metrics
    assert f'vapora_llm_model_paused{{model="{OPUS}",provider="anthropic",reason="permission-denied"}} 1.0' in metrics
    told = " ".join(said.out.split())
    assert f"model anthropic/{OPUS} is paused: permission-denied" in told
    assert "provider anthropic is" not in told
