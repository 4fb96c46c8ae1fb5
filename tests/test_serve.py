"""VAPORA on Ray Serve, as far as it shows without a Ray: configurations, arguments, and what is refused."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from events.ids import DEFAULT_WORKSPACE
from tests.waiting import DEADLINE_S
from vapora import serve
from vapora.errors import ConfigurationError, HeldElsewhereError, NoAnswerError
from vapora.settings import Settings

ROOT = Path(__file__).parents[1]
CONFIGS = ("serve_config.yaml", "serve_config.cluster.yaml")


def parsed(name: str) -> Any:
    from ray.serve.schema import ServeDeploySchema

    return ServeDeploySchema.model_validate(yaml.safe_load((ROOT / name).read_text()))


@pytest.mark.parametrize("name", CONFIGS)
def test_a_configuration_is_one_for_serve_and_tells_us_where_it_listens(name: str) -> None:
    config = parsed(name)
    [application] = config.applications
    assert application.import_path == "vapora.serve:app"
    args = serve.Args.model_validate(application.args)
    assert args.host == config.http_options.host


def test_on_a_cluster_every_node_answers_and_a_replica_takes_something_of_its_node() -> None:
    config = parsed("serve_config.cluster.yaml")
    assert (config.proxy_location, config.http_options.host) == ("EveryNode", "0.0.0.0")
    bound = serve.application(serve.Args.model_validate(config.applications[0].args))
    deployment = bound._bound_deployment
    assert deployment.ray_actor_options["num_cpus"] == 0.5
    scaling = deployment._deployment_config.autoscaling_config
    assert (scaling.min_replicas, scaling.max_replicas, scaling.target_ongoing_requests) == (2, 8, 40)
    assert deployment._replica_config.max_replicas_per_node == 1


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"auth": "required"},
        {"allowed_hosts": ("vapora.example.com",)},
        {"host": "0.0.0.0", "allowed_hosts": ("vapora.example.com",)},
    ],
)
def test_others_are_let_in_only_where_everybody_signs_in(given: dict[str, Any]) -> None:
    for host in ("0.0.0.0", "::", "10.0.0.4", "vapora.example.com"):
        with pytest.raises(ConfigurationError, match="others than this machine reach it") as refused:
            serve.require_sign_in(Settings(data=Path("unused"), **given), host)
        assert "VAPORA_AUTH=required" in refused.value.remedy
        assert "VAPORA_ALLOWED_HOSTS" in refused.value.remedy
    serve.require_sign_in(Settings(data=Path("unused"), **given), "127.0.0.1")


def test_a_misspelt_argument_is_refused() -> None:
    with pytest.raises(ValidationError):
        serve.app({"replica": 2})


class Starting:
    """An actor system that is up after some tries."""

    def __init__(self, *answers: Exception | None) -> None:
        self.answers = list(answers)
        self.opened: list[str] = []

    async def open(self, workspace: str) -> None:
        self.opened.append(workspace)
        answer = self.answers.pop(0)
        if answer is not None:
            raise answer


async def test_a_deployment_begins_work_by_itself_and_does_not_give_up() -> None:
    system = Starting(NoAnswerError("not yet"), RuntimeError("Ray's own"), None)
    async with asyncio.timeout(DEADLINE_S):
        await serve.begin(system)  # type: ignore[arg-type]
    assert system.opened == [DEFAULT_WORKSPACE] * 3


async def test_a_deployment_beside_an_installation_that_serves_leaves_the_rest_to_the_supervisor() -> None:
    system = Starting(HeldElsewhereError("held"))
    await serve.begin(system)  # type: ignore[arg-type]
    assert len(system.opened) == 1
