"""Dashboards and alerts: what is committed is what the code makes; each expression names only metrics that exist, and
gives data in a real Prometheus that scraped a run; each alert has an entry in the runbook."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import ray
import yaml
from prometheus_client.parser import text_string_to_metric_families

import vapora
from events.ids import Provider
from tests.observability import prometheus
from tests.observability.prometheus import Prometheus
from tests.waiting import wait_for
from vapora.commands import CreateProject
from vapora.observability import alerts, metric_names, render
from vapora.observability.dashboards import dashboards
from vapora.sdk import Client
from vapora.testing import Behaviour, FakeVendors, Fault

ROOT = Path(__file__).parent.parent.parent
NAME = re.compile(r"\b(?:vapora|ray|istio|kube)_[a-z0-9_]+")


def expressions(name: str) -> list[str]:
    """The PromQL of a dashboard."""
    targets = [target for panel in dashboards()[name]["panels"] for target in panel["targets"]]
    return [target["expr"] for target in targets if target["datasource"]["type"] == "prometheus"]


OURS = ("vapora-overview.json", "agent-metrics.json", "llm-routing.json")
ALL = [(name, expr) for name in dashboards() for expr in expressions(name)]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A platform in this process after some work: a provider that failed, a fallback, a task that waits."""
    with FakeVendors() as vendors, pytest.MonkeyPatch.context() as patch:
        for name, value in vendors.environ().items():
            patch.setitem(os.environ, name, value)
        vendors.default(Behaviour(fault=Fault.OVERLOADED), Provider.ANTHROPIC)
        with vapora.local(model="auto", resend_s=0.2) as client:
            project = client.create_project(CreateProject(name="Seen")).id
            body = {"project_id": project, "title": "Work", "task_type": "code-generation", "review": "none"}
            made = [client.submit_task(body).task_id for _ in range(2)]
            wait_for("the work", lambda: all(client.task(one).state == "done" for one in made))
            client.pause()
            client.submit_task(body)
            wait_for("a task on offer", lambda: client.queue().depth)
            yield client


@pytest.fixture(scope="module")
def scraped(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with prometheus.scraping(client.url, tmp_path_factory.mktemp("prometheus")) as found:
        wait_for("some scrapes", lambda: _scrapes(found) >= 4)
        yield found


def _scrapes(found: Prometheus) -> int:
    answer = found.ask("count_over_time(vapora_build_info[1m])")
    return int(answer[0]["value"][1]) if answer else 0


def test_what_is_committed_is_what_the_code_makes() -> None:
    made = render.files()
    there = {
        f"{folder}/{path.name}": path.read_text(encoding="utf-8")
        for folder in ("dashboards", "alerts")
        for path in (ROOT / "kuberay" / folder).iterdir()
    }
    assert there == made, "run `python -m vapora.observability.render`"
    assert all(json.loads(text) for name, text in made.items() if name.endswith(".json"))


def test_metrics_shows_what_the_table_names_and_nothing_else(client: Client) -> None:
    text = httpx.get(f"{client.url}/metrics", timeout=60).text
    shown = {family.name: (family.type, family.samples) for family in text_string_to_metric_families(text)}
    known = {family.name: family for family in metric_names.OWN}
    assert shown.keys() == known.keys()
    assert {name: kind for name, (kind, _) in shown.items()} == {name: one.kind for name, one in known.items()}
    for name, (_, samples) in shown.items():
        labels = {label for sample in samples for label in sample.labels} - {"le", "workspace", "simulated"}
        assert labels <= set(known[name].labels), name
    text = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
    assert metric_names.table() in text, "docs/observability.md has another table: `vapora.observability.metric_names`"


@pytest.mark.parametrize(("name", "expr"), ALL)
def test_an_expression_of_a_dashboard_names_only_metrics_that_exist(name: str, expr: str) -> None:
    named = set(NAME.findall(expr))
    assert named
    assert named <= (metric_names.own_series() if name in OURS else metric_names.ISTIO)


def test_alerts_name_only_metrics_that_exist_and_stand_in_the_runbook() -> None:
    runbook = (ROOT / alerts.RUNBOOK).read_text(encoding="utf-8")
    headings = re.findall(r"^## (\S+)$", runbook, re.MULTILINE)
    assert headings[: len(alerts.VAPORA) + len(alerts.RAY)] == [one.name for one in (*alerts.VAPORA, *alerts.RAY)]
    # With those that only a cluster can tell: all that are deployed, and no other.
    deployed = [
        rule
        for path in sorted((ROOT / "kuberay/rendered").glob("*/monitoring.yaml"))
        for one in yaml.safe_load_all(path.read_text(encoding="utf-8"))
        if one["kind"] == "PrometheusRule"
        for group in one["spec"]["groups"]
        for rule in group["rules"]
    ]
    assert {rule["alert"] for rule in deployed} == set(headings)
    for rule in deployed:
        assert rule["annotations"]["runbook_url"] == f"{alerts.RUNBOOK}#{rule['alert'].lower()}"
    for one in alerts.VAPORA:
        assert set(NAME.findall(one.expr)) <= metric_names.own_series(), one.name
    for one in alerts.RAY:
        assert set(NAME.findall(one.expr)) <= metric_names.RAY | metric_names.KUBERNETES, one.name


def test_rays_names_are_those_of_the_ray_that_is_installed() -> None:
    folder = Path(ray.__file__).parent
    sources = [folder / "dashboard" / "modules" / "metrics", folder / "dashboard" / "modules" / "reporter"]
    text = "".join(path.read_text(encoding="utf-8") for one in sources for path in one.rglob("*.py"))
    assert {name for name in metric_names.RAY if name not in text and name.removeprefix("ray_") not in text} == set()


def test_every_expression_gives_data_after_a_run(scraped: Prometheus) -> None:
    empty = []
    for name in OURS:
        for expr in expressions(name):
            filled = expr.replace("$__rate_interval", "1m").replace("$workspace", ".*")
            if not scraped.ask(filled):
                empty.append((name, filled))
    assert empty == []


@pytest.mark.parametrize("expr", [expr for name, expr in ALL if name not in OURS])
def test_prometheus_can_read_what_is_asked_of_istio(scraped: Prometheus, expr: str) -> None:
    assert scraped.ask(expr.replace("$__rate_interval", "1m").replace("$namespace", ".*")) == []


def promtool(*arguments: str) -> None:
    prometheus.require()
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_takes_the_rules() -> None:
    promtool("check", "rules", *(str(ROOT / "kuberay" / "alerts" / name) for name in alerts.rule_files()))


def fires(name: str, minutes: int, series: dict[str, str], *, labels: dict[str, str] | None = None) -> dict[str, Any]:
    """After so long the alert fires, with these labels; None: it does not."""
    [alert] = [one for one in (*alerts.VAPORA, *alerts.RAY) if one.name == name]
    expected = [] if labels is None else [{"exp_labels": {**labels, "severity": alert.severity, "app": "vapora"}}]
    return {
        "interval": "1m",
        "input_series": [{"series": one, "values": values} for one, values in series.items()],
        "promql_expr_test": [],
        "alert_rule_test": [{"eval_time": f"{minutes}m", "alertname": name, "exp_alerts": expected}],
    }


CASES = [
    fires("VaporaIsSilent", 6, {"up": "1x10"}, labels={}),
    fires("VaporaIsSilent", 6, {'vapora_build_info{version="1"}': "1x10"}),
    fires(
        "VaporaAnswersWithErrors",
        20,
        {
            'vapora_http_request_seconds_count{status="200"}': "0+90x30",
            'vapora_http_request_seconds_count{status="500"}': "0+10x30",
        },
        labels={},
    ),
    fires(
        "VaporaAnswersWithErrors",
        20,
        {
            'vapora_http_request_seconds_count{status="200"}': "0+99x30",
            'vapora_http_request_seconds_count{status="500"}': "0+1x30",
        },
    ),
    fires(
        "VaporaQueueIsAway",
        6,
        {'vapora_queue_connected{kind="nats",workspace="w"}': "0x10"},
        labels={"kind": "nats", "workspace": "w"},
    ),
    fires("VaporaQueueIsAway", 6, {'vapora_queue_connected{kind="nats",workspace="w"}': "0x2 1x8"}),
    fires(
        "VaporaWorkStandsStill",
        20,
        {'vapora_queue_depth{subject="s",workspace="w"}': "3x30", 'vapora_runs_open{workspace="w"}': "0x30"},
        labels={"workspace": "w"},
    ),
    fires(
        "VaporaWorkStandsStill",
        20,
        {'vapora_queue_depth{subject="s",workspace="w"}': "3x30", 'vapora_runs_open{workspace="w"}': "1x30"},
    ),
    fires(
        "VaporaNoProviderAnswers",
        3,
        {'vapora_llm_provider_up{provider="a"}': "0x9", 'vapora_llm_provider_up{provider="b"}': "0x9"},
        labels={},
    ),
    fires(
        "VaporaNoProviderAnswers",
        3,
        {'vapora_llm_provider_up{provider="a"}': "0x9", 'vapora_llm_provider_up{provider="b"}': "1x9"},
    ),
    fires(
        "VaporaBudgetIsNearItsEnd",
        6,
        {'vapora_llm_budget_utilization{role="developer",simulated="false",workspace="w"}': "0.9x10"},
        labels={"role": "developer", "simulated": "false", "workspace": "w"},
    ),
    fires(
        "VaporaBudgetIsNearItsEnd",
        6,
        {'vapora_llm_budget_utilization{role="developer",simulated="true",workspace="w"}': "0.9x10"},
    ),
    fires(
        "VaporaIsOvercharged",
        10,
        {'vapora_llm_overcharge_microusd_total{provider="a",model="m"}': "0+5x20"},
        labels={"provider": "a", "model": "m"},
    ),
    fires("VaporaIsOvercharged", 10, {'vapora_llm_overcharge_microusd_total{provider="a",model="m"}': "5x20"}),
    fires(
        "VaporaFollowerIsBehind",
        12,
        {'vapora_follower_lag{follower="indexer",workspace="w"}': "2000x20"},
        labels={"follower": "indexer", "workspace": "w"},
    ),
    fires(
        "RayWorkerIsNotReady",
        7,
        {'kube_pod_status_ready{condition="true",namespace="n",pod="v-worker-1"}': "0x10"},
        labels={"namespace": "n", "pod": "v-worker-1"},
    ),
]


def test_alerts_fire_when_they_should_and_not_else(tmp_path: Path) -> None:
    for case in CASES:
        for test in case["alert_rule_test"]:
            for alert in test["exp_alerts"]:
                alert["exp_annotations"] = {}
    files = [str(ROOT / "kuberay" / "alerts" / name) for name in alerts.rule_files()]
    # Annotations are words for people: compared they would only be written down twice.
    for file in files:
        rules = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
        for rule in rules["groups"][0]["rules"]:
            del rule["annotations"]
        (tmp_path / Path(file).name).write_text(yaml.safe_dump(rules))
    tests = tmp_path / "tests.yaml"
    names = [Path(file).name for file in files]
    tests.write_text(yaml.safe_dump({"rule_files": names, "evaluation_interval": "1m", "tests": CASES}))
    promtool("test", "rules", str(tests))
