"""Mistakes that are easily made, planted one at a time: each is found, one in every kind of object that there is."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.deploy.schemas import errors
from vapora.deploy import kuberay_rules

Thing = dict[str, Any]
Change = Callable[[Thing], object]


def cluster(thing: Thing) -> Thing:
    found: Thing = thing["spec"]["rayClusterConfig"]
    return found


def head(thing: Thing) -> Thing:
    found: Thing = cluster(thing)["headGroupSpec"]
    return found


def head_env(name: str, value: str) -> Change:
    return lambda thing: head(thing)["template"]["spec"]["containers"][0]["env"].append({"name": name, "value": value})


def workers(thing: Thing) -> Thing:
    found: Thing = cluster(thing)["workerGroupSpecs"][0]
    return found


def pod(thing: Thing) -> Thing:
    found: Thing = thing["spec"]["template"]["spec"]
    return found


def rename(place: Callable[[Thing], Thing], old: str, new: str) -> Change:
    def change(thing: Thing) -> None:
        place(thing)[new] = place(thing).pop(old)

    return change


# What a person may write, by kind; each is refused by the object's schema.
MISSPELT: dict[str, Change] = {
    "AuthorizationPolicy": lambda t: t["spec"].update(action="PERMIT"),
    "CephBlockPool": rename(lambda t: t["spec"], "failureDomain", "failuredomain"),
    "CephObjectStore": lambda t: t["spec"]["gateway"].update(instances="two"),
    "CephObjectStoreUser": rename(lambda t: t["spec"], "clusterNamespace", "clusterNameSpace"),
    "ConfigMap": rename(lambda t: t, "data", "datas"),
    "Deployment": lambda t: pod(t)["securityContext"].update(runAsNonroot=True),
    "DestinationRule": lambda t: t["spec"]["trafficPolicy"]["tls"].update(mode="MUTUAL_ISTIO"),
    "Gateway": lambda t: t["spec"]["servers"][1]["tls"].update(mode="TLS"),
    "HorizontalPodAutoscaler": rename(lambda t: t["spec"], "maxReplicas", "maxReplica"),
    "Job": lambda t: t["spec"].update(backoffLimit="many"),
    "CronJob": lambda t: t["spec"].update(successfulJobsHistoryLimit="many"),
    "Namespace": lambda t: t["metadata"].update(label={"a": "b"}),
    "NetworkPolicy": lambda t: t["spec"].update(policyType=["Ingress"]),
    "PeerAuthentication": lambda t: t["spec"]["mtls"].update(mode="STRCT"),
    "PodDisruptionBudget": lambda t: t["spec"].update(maxUnavailible=1),
    "PodMonitor": lambda t: t["spec"]["podMetricsEndpoints"][0].update(intervall="30s"),
    "PriorityClass": lambda t: t.update(value="high"),
    "PrometheusRule": lambda t: t["spec"]["groups"][0]["rules"][0].update(expression="up"),
    "RayService": lambda t: cluster(t)["autoscalerOptions"].update(upscaleMode="Default"),
    "Role": lambda t: t["rules"][0].update(verb=["get"]),
    "RoleBinding": lambda t: t["subjects"][0].update(kinds="ServiceAccount"),
    "ScaledObject": lambda t: t["spec"].update(minReplicasCount=2),
    "SealedSecret": rename(lambda t: t["spec"], "encryptedData", "encryptData"),
    "Service": lambda t: t["spec"]["ports"][0].update(port="6379"),
    "ServiceAccount": lambda t: t.update(automountServiceAccountTokens=False),
    "ServiceEntry": lambda t: t["spec"].update(resolution="BY_NAME"),
    "ServiceMonitor": lambda t: t["spec"]["endpoints"][0].update(bearer="x"),
    "Sidecar": lambda t: t["spec"]["outboundTrafficPolicy"].update(mode="REGISTRY"),
    "StatefulSet": lambda t: pod(t)["containers"][0].update(readynessProbe={}),
    "StorageClass": lambda t: t.update(reclaimpolicy="Retain"),
    "VirtualService": lambda t: t["spec"]["http"][0].update(time_out="0s"),
}

# What a schema lets pass and the operator refuses, with a word of what is said.
REFUSED: dict[str, tuple[Change, str]] = {
    "a name that is too long": (lambda t: t["metadata"].update(name="v" * 48), "48 characters"),
    "a name that begins with a digit": (lambda t: t["metadata"].update(name="4vapora"), "begin with a letter"),
    "a start that never ends": (
        lambda t: t["metadata"].update(annotations={"ray.io/initializing-timeout": "soon"}),
        "a time above zero",
    ),
    "a head service of its own name": (
        lambda t: head(t).update(headService={"metadata": {"name": "head"}}),
        "must not be set",
    ),
    "Kubernetes' own tokens": (lambda t: cluster(t)["authOptions"].update(enableK8sTokenAuth=True), "not supported"),
    "a token and no version": (lambda t: cluster(t).pop("rayVersion"), "needs rayVersion"),
    "a token and an old Ray": (lambda t: cluster(t).update(rayVersion="2.51.9"), "2.52.0 or later"),
    "two places for resources": (lambda t: head(t)["rayStartParams"].update({"num-cpus": "0"}), "say them once"),
    "labels as a parameter": (lambda t: workers(t)["rayStartParams"].update(labels="a=b"), "belong into labels"),
    "a label that is none": (lambda t: workers(t).update(labels={"a b": "c"}), "whose key is none"),
    "fewer at most than at least": (lambda t: workers(t).update(maxReplicas=1), "above its maxReplicas"),
    "no autoscaler and no bounds": (
        lambda t: (cluster(t).update(enableInTreeAutoscaling=False), workers(t).pop("minReplicas")),
        "needs minReplicas and maxReplicas",
    ),
    "a group that rests": (lambda t: workers(t).update(suspend=True), "cannot be suspended"),
    "an autoscaler said twice": (head_env("RAY_enable_autoscaler_v2", "1"), "both set"),
    "a pod that is started again": (
        lambda t: head(t)["template"]["spec"].update(restartPolicy="Always"),
        "restartPolicy Never",
    ),
    "an idle time for the first autoscaler": (
        lambda t: cluster(t)["autoscalerOptions"].update(version="v1"),
        "needs autoscalerOptions.version v2",
    ),
    "a password in the environment": (head_env("REDIS_PASSWORD", "x"), "belongs into gcsFaultToleranceOptions"),
    "an address in the environment": (head_env("RAY_REDIS_ADDRESS", "redis:6379"), "belongs into"),
    "an address and no fault tolerance": (
        lambda t: (head_env("RAY_REDIS_ADDRESS", "redis:6379")(t), cluster(t).pop("gcsFaultToleranceOptions")),
        "without gcsFaultToleranceOptions",
    ),
    "a password as a parameter": (
        lambda t: head(t)["rayStartParams"].update({"redis-password": "x"}),
        "redisPassword",
    ),
    "a user in the environment": (head_env("REDIS_USERNAME", "x"), "redisUsername"),
    "storage for Redis": (
        lambda t: cluster(t)["gcsFaultToleranceOptions"].update(storage={"size": "1Gi"}),
        "for the backend rocksdb alone",
    ),
    "Redis for RocksDB": (
        lambda t: cluster(t)["gcsFaultToleranceOptions"].update(backend="rocksdb"),
        "for the backend redis alone",
    ),
    "a policy without its gate": (lambda t: cluster(t).update(networkPolicy={"mode": "DenyAll"}), "feature gate"),
    "mutual TLS without its gate": (lambda t: cluster(t).update(tlsOptions={"enabled": True}), "RayClusterMTLS"),
    "an incremental upgrade": (
        lambda t: t["spec"]["upgradeStrategy"].update(type="NewClusterWithIncrementalUpgrade"),
        "clusterUpgradeOptions",
    ),
    "a step above the surge": (
        lambda t: t["spec"].update(
            upgradeStrategy={
                "type": "NewClusterWithIncrementalUpgrade",
                "clusterUpgradeOptions": {
                    "maxSurgePercent": 10,
                    "stepSizePercent": 20,
                    "intervalSeconds": 5,
                    "gatewayClassName": "istio",
                },
            }
        ),
        "must not be above maxSurgePercent",
    ),
    "no container": (lambda t: workers(t)["template"]["spec"].update(containers=[]), "has no container"),
}


@pytest.fixture(scope="module")
def by_kind(objects: dict[str, list[Thing]]) -> dict[str, Thing]:
    """One good object of each kind; of policies, one that has a rule."""
    found: dict[str, Thing] = {}
    for name in ("staging", "production"):
        for one in objects[name]:
            if one.get("spec") != {}:
                found.setdefault(one["kind"], one)
    return found


def test_there_is_a_mistake_for_every_kind(objects: dict[str, list[Thing]]) -> None:
    assert {one["kind"] for name in objects for one in objects[name]} == set(MISSPELT)


@pytest.mark.parametrize("kind", MISSPELT)
def test_a_mistake_is_found_by_the_schema_of_its_kind(by_kind: dict[str, Thing], kind: str) -> None:
    good = by_kind[kind]
    assert errors(good) == []
    broken = copy.deepcopy(good)
    MISSPELT[kind](broken)
    assert errors(broken)


@pytest.mark.parametrize("mistake", REFUSED)
def test_what_the_operator_would_refuse_is_said_before(by_kind: dict[str, Thing], mistake: str) -> None:
    change, words = REFUSED[mistake]
    broken = copy.deepcopy(by_kind["RayService"])
    assert kuberay_rules.problems([broken]) == []
    change(broken)
    found = kuberay_rules.problems([broken])
    assert any(words in one for one in found), found


def test_a_kind_without_a_schema_is_an_error() -> None:
    assert errors({"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "a"}})
