"""Prices of one's own (`VAPORA_PRICES`) are what calls are booked at."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import quick
from tests.ports import free_port
from vapora import Client
from vapora.commands import CreateProject
from vapora.llm.catalogue import catalogue
from vapora.platform import Platform

MICROUSD_A_TOKEN = 3


def test_own_prices_go_before_the_listed_ones(tmp_path: Path) -> None:
    port = free_port()
    settings = quick(tmp_path / "data", port)
    # Nothing for what is written, so that the cost says exactly what was read.
    models = catalogue(ollama_model=settings.ollama_model).models
    own = {f"{spec.provider}/{spec.model}": (MICROUSD_A_TOKEN * 1_000_000, 0) for spec in models}
    platform = Platform(settings.model_copy(update={"prices": own}), {})
    try:
        platform.start()
        with Client(f"http://127.0.0.1:{port}") as client:
            project = client.create_project(CreateProject(name="Shortleaf"))
            task = client.projects[project.id].tasks.submit("Implement the slug generator", review="none")
            assert task.wait(timeout=60).state == "done"
            [sum_] = client.costs()
    finally:
        platform.stop()

    assert sum_.tokens_in > 0
    assert sum_.cost_microusd == MICROUSD_A_TOKEN * sum_.tokens_in
