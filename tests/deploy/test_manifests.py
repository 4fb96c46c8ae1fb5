"""What is rendered is what Kubernetes, its operators, Ray and VAPORA take, and keeps what the design promises."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.deploy.conftest import VARIANTS
from tests.deploy.schemas import ROOT, errors
from vapora.deploy import kuberay_rules, render
from vapora.settings import Settings

Objects = dict[str, list[dict[str, Any]]]
CLUSTERS = [name for name in VARIANTS if name != "solo"]
STRICT = ["staging", "production", "production with RocksDB"]


def of(objects: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [one for one in objects if one["kind"] == kind]


def ray_service(objects: list[dict[str, Any]]) -> dict[str, Any]:
    [service] = of(objects, "RayService")
    return service


def pods(objects: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every pod template, with the labels that it has in the cluster: KubeRay adds one to Ray's."""
    for one in objects:
        if one["kind"] in ("StatefulSet", "Deployment", "Job"):
            yield one["metadata"]["name"], one["spec"]["template"]
        if one["kind"] == "CronJob":
            yield one["metadata"]["name"], one["spec"]["jobTemplate"]["spec"]["template"]
        if one["kind"] == "RayService":
            cluster = one["spec"]["rayClusterConfig"]
            for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
                template = group["template"]
                labels = template["metadata"]["labels"] | {"ray.io/is-ray-node": "yes"}
                yield group.get("groupName", "head"), template | {"metadata": template["metadata"] | {"labels": labels}}


def test_what_is_committed_is_what_the_source_says() -> None:
    assert render.differences(ROOT) == []


@pytest.mark.parametrize("name", VARIANTS)
def test_every_object_is_what_its_schema_says(objects: Objects, name: str) -> None:
    assert [wrong for one in objects[name] for wrong in errors(one)] == []


@pytest.mark.parametrize("name", VARIANTS)
def test_the_operator_refuses_nothing(objects: Objects, name: str) -> None:
    assert kuberay_rules.problems(objects[name]) == []


@pytest.mark.parametrize("name", VARIANTS)
def test_every_object_is_found_and_stands_once(objects: Objects, name: str) -> None:
    """One label shows what belongs together; two objects of one name would overwrite each other."""
    keys = [(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) for one in objects[name]]
    assert len(keys) == len(set(keys))
    assert all(one["metadata"]["labels"]["app.kubernetes.io/part-of"] == "vapora" for one in objects[name])


@pytest.mark.parametrize("name", CLUSTERS)
def test_serve_takes_the_application_and_finds_it(objects: Objects, name: str) -> None:
    from ray.serve.schema import ServeDeploySchema

    config = ServeDeploySchema.model_validate(yaml.safe_load(ray_service(objects[name])["spec"]["serveConfigV2"]))
    assert config.proxy_location == "EveryNode", "with HeadOnly no worker gets ready"
    assert config.http_options.host == "0.0.0.0"
    [application] = config.applications
    module, name_there = application.import_path.split(":")
    assert callable(getattr(importlib.import_module(module), name_there))


@pytest.mark.parametrize("name", STRICT)
def test_the_mesh_knows_exactly_the_ports_that_ray_is_started_with(objects: Objects, name: str) -> None:
    cluster = ray_service(objects[name])["spec"]["rayClusterConfig"]
    head, worker = cluster["headGroupSpec"]["rayStartParams"], cluster["workerGroupSpecs"][0]["rayStartParams"]
    started = {int(value) for key, value in head.items() if key.endswith("port") and "worker-port" not in key}
    workers = range(int(head["min-worker-port"]), int(head["max-worker-port"]) + 1)
    assert worker.items() <= head.items(), "a worker is started with the same ports"
    assert len(workers) >= 32

    [mesh] = [one for one in of(objects[name], "Service") if one["metadata"]["name"] == "vapora-ray-mesh"]
    known = [one["port"] for one in mesh["spec"]["ports"]]
    # Prometheus reads the metrics past the mesh.
    metrics = {int(head["metrics-export-port"])}
    assert sorted(known) == sorted((started - metrics) | set(workers) | {8000})
    assert mesh["spec"]["publishNotReadyAddresses"] is True

    [allowed] = [one for one in of(objects[name], "AuthorizationPolicy") if one["metadata"]["name"] == "ray"]
    ports = {int(one) for one in allowed["spec"]["rules"][0]["to"][0]["operation"]["ports"]}
    assert ports == set(known) - {int(head["dashboard-port"])}, "the dashboard is for the operator and the head alone"


@pytest.mark.parametrize("name", CLUSTERS)
def test_the_network_lets_ray_reach_the_same_ports(objects: Objects, name: str) -> None:
    head = ray_service(objects[name])["spec"]["rayClusterConfig"]["headGroupSpec"]["rayStartParams"]
    [policy] = [one for one in of(objects[name], "NetworkPolicy") if one["metadata"]["name"] == "ray"]
    for rules in (policy["spec"]["ingress"], policy["spec"]["egress"]):
        open_ports = {(one["port"], one.get("endPort")) for one in rules[0]["ports"]}
        assert (int(head["min-worker-port"]), int(head["max-worker-port"])) in open_ports
        assert {one for one, _ in open_ports} >= {int(v) for k, v in head.items() if k.endswith("port")} - {
            int(head["max-worker-port"])
        }


@pytest.mark.parametrize("name", VARIANTS)
def test_nothing_is_let_in_by_a_rule_that_names_nobody(objects: Objects, name: str) -> None:
    policies = of(objects[name], "NetworkPolicy")
    [nothing] = [one for one in policies if one["metadata"]["name"] == "nothing"]
    assert nothing["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for one in policies:
        for direction, peers in (("ingress", "from"), ("egress", "to")):
            for rule in one["spec"].get(direction, []):
                assert rule["ports"]
                # Whoever comes from outside comes to the gateway.
                assert rule.get(peers) or one["metadata"]["name"] == "gateway-in"
    for one in of(objects[name], "AuthorizationPolicy"):
        for rule in one["spec"].get("rules", []):
            assert one["metadata"]["name"] == "gateway" or rule["from"][0]["source"]["principals"]


@pytest.mark.parametrize("name", VARIANTS)
def test_every_selector_finds_a_pod(objects: Objects, name: str) -> None:
    """A misspelt label breaks in silence: a Service without pods, a policy that guards nothing."""
    labels = [template["metadata"]["labels"] for _, template in pods(objects[name])]
    chosen = []
    for one in objects[name]:
        spec, kind = one.get("spec", {}), one["kind"]
        if kind == "Service":
            chosen.append((one, spec["selector"]))
        elif kind in ("PodDisruptionBudget", "PodMonitor", "AuthorizationPolicy", "StatefulSet", "Deployment"):
            chosen.append((one, spec.get("selector", {}).get("matchLabels", {})))
        elif kind == "Gateway":
            chosen.append((one, spec["selector"]))
        elif kind == "NetworkPolicy":
            chosen.append((one, spec["podSelector"].get("matchLabels", {})))
            for rule in (*spec.get("ingress", []), *spec.get("egress", [])):
                for peer in (*rule.get("from", []), *rule.get("to", [])):
                    if "namespaceSelector" not in peer:
                        chosen.append((one, peer.get("podSelector", {}).get("matchLabels", {})))
    for one, wanted in chosen:
        assert any(wanted.items() <= has.items() for has in labels), (one["kind"], one["metadata"]["name"], wanted)
    for who, template in pods(objects[name]):
        for spread in template["spec"].get("topologySpreadConstraints", []):
            assert spread["labelSelector"]["matchLabels"].items() <= template["metadata"]["labels"].items(), who


@pytest.mark.parametrize("name", VARIANTS)
def test_every_pod_may_do_as_little_as_it_can(objects: Objects, name: str) -> None:
    accounts = {one["metadata"]["name"] for one in of(objects[name], "ServiceAccount")}
    volumes = {one["metadata"]["name"] for one in of(objects[name], "ConfigMap")}
    for who, template in pods(objects[name]):
        spec = template["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec.get("serviceAccountName", "default") in accounts | {"default"}
        # The head's autoscaler and the gateway's proxy speak to Kubernetes.
        assert spec.get("automountServiceAccountToken") is False or who in ("head", "gateway")
        for container in (*spec["containers"], *spec.get("initContainers", [])):
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"], who
            mounted = {one["name"] for one in container.get("volumeMounts", [])}
            claims = {one["metadata"]["name"] for one in _claims(objects[name], who)}
            assert mounted <= {one["name"] for one in spec.get("volumes", [])} | claims
        for volume in spec.get("volumes", []):
            assert "configMap" not in volume or volume["configMap"]["name"] in volumes
            for mode in (volume.get("secret", {}), volume.get("projected", {})):
                assert mode.get("defaultMode", 0o440) == 0o440


def _claims(objects: list[dict[str, Any]], who: str) -> list[dict[str, Any]]:
    sets = [one for one in of(objects, "StatefulSet") if one["metadata"]["name"] == who]
    return [claim for one in sets for claim in one["spec"]["volumeClaimTemplates"]]


@pytest.mark.parametrize("name", CLUSTERS)
def test_no_actor_lands_on_the_head_and_every_node_says_that_it_goes(objects: Objects, name: str) -> None:
    spec = ray_service(objects[name])["spec"]
    cluster = spec["rayClusterConfig"]
    assert cluster["headGroupSpec"]["resources"] == {"CPU": "0"}
    [workers] = cluster["workerGroupSpecs"]
    assert float(workers["resources"]["vapora"]) >= 1
    application = yaml.safe_load(spec["serveConfigV2"])["applications"][0]
    assert application["args"]["resources"]["vapora"] > 0
    assert application["args"]["autoscaling"]["min_replicas"] <= workers["minReplicas"]
    assert spec["excludeHeadPodFromServeSvc"] is True
    assert cluster["autoscalerOptions"]["version"] == "v2"
    assert workers["idleTimeoutSeconds"] >= 300
    pod = workers["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] >= 90
    head = cluster["headGroupSpec"]["template"]["spec"]["containers"][0]
    assert head["lifecycle"]["preStop"]["exec"]["command"][:2] == ["vapora", "handover"]
    # By this name it is known in the database, whichever of its pods asks.
    assert "VAPORA_INSTALLATION" in {one["name"] for one in head["env"]}
    assert "drain-node" in pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][-1]
    budgets = {one["metadata"]["name"]: one["spec"] for one in of(objects[name], "PodDisruptionBudget")}
    assert budgets["vapora-head"]["minAvailable"] == 1
    assert budgets["vapora-workers"]["maxUnavailable"] == 1


@pytest.mark.parametrize("name", VARIANTS)
def test_no_secret_stands_in_it(objects: Objects, name: str) -> None:
    """Values come by files that Secrets are mounted as; what is in git is sealed, or says that it is not yet."""
    assert of(objects[name], "Secret") == []
    for _, template in pods(objects[name]):
        for container in template["spec"]["containers"]:
            for one in container.get("env", []):
                secret = any(word in one["name"] for word in ("PASSWORD", "TOKEN", "SECRET", "API_KEY"))
                assert not secret or one["name"].endswith("_FILE") or one["name"] == "POSTGRES_PASSWORD_FILE", one
    sealed = of(objects[name], "SealedSecret")
    assert bool(sealed) == (name.split()[0] in ("staging", "production"))
    assert all(value == "TO-BE-SEALED" for one in sealed for value in one["spec"]["encryptedData"].values())
    assert bool(kuberay_rules.placeholders(objects[name])) == (name != "solo")


@pytest.mark.parametrize("name", [*STRICT, "production without a mesh inside"])
def test_every_secret_that_a_pod_reads_is_one_that_somebody_makes(objects: Objects, name: str) -> None:
    made = {one["metadata"]["name"]: set(one["spec"]["encryptedData"]) for one in of(objects[name], "SealedSecret")}
    # Rook makes this one.
    made["rook-ceph-object-user-vapora-vapora"] = {"AccessKey", "SecretKey"}
    wanted = dict(_wanted(objects[name]))
    assert wanted
    for secret, keys in wanted.items():
        assert keys <= made[secret], secret
    cluster = ray_service(objects[name])["spec"]["rayClusterConfig"]
    assert "auth_token" in made[cluster["authOptions"]["secretName"]]


def _wanted(objects: list[dict[str, Any]]) -> Iterator[tuple[str, set[str]]]:
    for _, template in pods(objects):
        for volume in template["spec"].get("volumes", []):
            sources = [one["secret"] for one in volume.get("projected", {}).get("sources", [])]
            if "secret" in volume:
                yield volume["secret"]["secretName"], {one["key"] for one in volume["secret"].get("items", [])}
            for one in sources:
                yield one["name"], {item["key"] for item in one["items"]}


def test_without_a_mesh_inside_no_pod_of_rays_has_a_sidecar(objects: Objects) -> None:
    inside = objects["production without a mesh inside"]
    assert not of(inside, "PeerAuthentication")
    assert of(inside, "Gateway")
    for who, template in pods(inside):
        if who in ("head", "workers"):
            assert template["metadata"]["annotations"]["sidecar.istio.io/inject"] == "false"
    [rule] = of(inside, "DestinationRule")
    assert rule["spec"]["trafficPolicy"]["tls"] == {"mode": "DISABLE"}


def test_only_what_has_no_state_is_scaled_by_load(objects: Objects) -> None:
    for name, kind in (("staging", "HorizontalPodAutoscaler"), ("production", "ScaledObject")):
        [scaler] = [one for one in objects[name] if one["kind"] in ("HorizontalPodAutoscaler", "ScaledObject")]
        assert scaler["kind"] == kind
        assert scaler["spec"]["scaleTargetRef"]["name"] == "gateway"
        [gateway] = of(objects[name], "Deployment")
        assert "replicas" not in gateway["spec"], "who scales it says how many there are"


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variable_is_a_setting_and_has_a_value_that_it_takes(
    objects: Objects, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is none would be missing in silence, and a value that is none stops every pod at its start."""
    seen = 0
    for who, template in pods(objects[name]):
        env = {one["name"]: one["value"] for one in template["spec"]["containers"][0].get("env", []) if "value" in one}
        ours = {key.removeprefix("VAPORA_").lower(): value for key, value in env.items() if key.startswith("VAPORA_")}
        secrets = {
            key: value
            for key, value in ours.items()
            if key.endswith("_file") and key.removesuffix("_file") in Settings.model_fields
        }
        assert {key for key in ours if key not in secrets} <= Settings.model_fields.keys(), who
        assert all(value.startswith("/run/secrets/vapora/") for value in secrets.values())
        with monkeypatch.context() as patch:
            for key, value in env.items():
                if key.removeprefix("VAPORA_").lower() not in secrets:
                    patch.setenv(key, value)
            settings = Settings()
        if ours:
            seen += 1
            assert settings.runtime == ("local" if name == "solo" else "ray")
            assert settings.on_loopback is (name == "solo")
    assert seen == (1 if name == "solo" else 3)
