"""Prices of one's own (`VAPORA_PRICES`) are what calls are booked at."""

from __future__ import annotations

import vapora
from vapora.commands import CreateProject
from vapora.llm.catalogue import catalogue
from vapora.settings import Settings

MICROUSD_A_TOKEN = 3


def test_own_prices_go_before_the_listed_ones() -> None:
    # Nothing for what is written, so that the cost says exactly what was read.
    models = catalogue(ollama_model=Settings().ollama_model).models
    own = {f"{spec.provider}/{spec.model}": (MICROUSD_A_TOKEN * 1_000_000, 0) for spec in models}
    with vapora.local(model="rehearsal", rehearsal_min_delay_s=0, rehearsal_max_delay_s=0, prices=own) as client:
        project = client.create_project(CreateProject(name="Shortleaf"))
        task = client.projects[project.id].tasks.submit("Implement the slug generator", review="none")
        assert task.wait(timeout=240).state == "done"
        [sum_] = client.costs()

    assert sum_.tokens_in > 0
    assert sum_.cost_microusd == MICROUSD_A_TOKEN * sum_.tokens_in
