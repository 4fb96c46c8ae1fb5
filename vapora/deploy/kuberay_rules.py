"""What KubeRay's operator refuses, and no schema knows: its validation of version 1.7, for what we use of it.

Ported from `ray-operator/controllers/ray/utils/validation.go` (Apache-2.0). The operator says these things only once an
object is in the cluster, as an event that nobody reads; `vapora deploy` says them before anything is applied.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Object = Mapping[str, Any]

# The feature gates of the operator that an object counts on, separated by commas.
GATES = "vapora.dev/operator-gates"
_TIMEOUT = "ray.io/initializing-timeout"
_LONGEST = {"RayService": 47, "RayCluster": 53}
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_LABEL_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]")
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_DURATION = re.compile(r"(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+")
_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")
_V2 = "RAY_enable_autoscaler_v2"
_TLS = ("RAY_USE_TLS", "RAY_TLS_SERVER_CERT", "RAY_TLS_SERVER_KEY", "RAY_TLS_CA_CERT")
_UPGRADES = ("None", "NewCluster", "NewClusterWithIncrementalUpgrade")


def problems(objects: Sequence[Object]) -> list[str]:
    """What the operator would refuse in the RayServices and RayClusters among `objects`, a sentence each."""
    found: list[str] = []
    for thing in objects:
        kind = thing.get("kind")
        if kind not in _LONGEST:
            continue
        name = thing["metadata"].get("name", "")
        rules = _service(thing) if kind == "RayService" else _cluster_object(thing)
        found += [f"{kind} {name}: {one}" for one in (*_metadata(thing), *rules)]
    return found


def _metadata(thing: Object) -> Iterator[str]:
    metadata, longest = thing["metadata"], _LONGEST[thing["kind"]]
    name = metadata.get("name", "")
    if len(name) > longest:
        yield f"the name has {len(name)} characters; {longest} are allowed, since names of pods are made of it."
    if not _NAME.fullmatch(name):
        yield "the name must be lower case letters, digits and hyphens, and begin with a letter."
    timeout = (metadata.get("annotations") or {}).get(_TIMEOUT, "")
    if timeout and not ((timeout.isdigit() or _DURATION.fullmatch(timeout)) and re.search("[1-9]", timeout)):
        yield f"the annotation {_TIMEOUT} must be a time above zero, such as 5m or 300."


def _service(thing: Object) -> Iterator[str]:
    spec = thing["spec"]
    cluster = spec.get("rayClusterConfig") or {}
    if (cluster.get("authOptions") or {}).get("enableK8sTokenAuth"):
        yield "authOptions.enableK8sTokenAuth is not supported for a RayService."
    yield from _cluster(cluster, thing["metadata"].get("annotations") or {})
    head_service = (cluster.get("headGroupSpec") or {}).get("headService") or {}
    if (head_service.get("metadata") or {}).get("name"):
        yield "headGroupSpec.headService.metadata.name must not be set: it changes with each cluster."
    strategy = spec.get("upgradeStrategy") or {}
    kind = strategy.get("type")
    if kind is not None and kind not in _UPGRADES:
        yield f"upgradeStrategy.type is {kind}; it may be {', '.join(_UPGRADES)}."
    if (spec.get("rayClusterDeletionDelaySeconds") or 0) < 0:
        yield "rayClusterDeletionDelaySeconds must not be negative."
    if kind == "NewClusterWithIncrementalUpgrade":
        yield from _incremental(cluster, strategy.get("clusterUpgradeOptions"))


def _incremental(cluster: Object, options: Object | None) -> Iterator[str]:
    if not cluster.get("enableInTreeAutoscaling"):
        yield "an incremental upgrade needs enableInTreeAutoscaling."
    if options is None:
        yield "an incremental upgrade needs upgradeStrategy.clusterUpgradeOptions."
        return
    surge, step = options.get("maxSurgePercent", 100), options.get("stepSizePercent")
    if not 0 <= surge <= 100:
        yield "maxSurgePercent must be from 0 to 100."
    if step is None or not 0 <= step <= 100:
        yield "stepSizePercent must be from 0 to 100."
    elif step > surge:
        yield "stepSizePercent must not be above maxSurgePercent."
    if (options.get("intervalSeconds") or 0) <= 0:
        yield "intervalSeconds must be above 0."
    if not options.get("gatewayClassName"):
        yield "an incremental upgrade needs gatewayClassName."


def _cluster_object(thing: Object) -> Iterator[str]:
    kind = (thing["spec"].get("upgradeStrategy") or {}).get("type")
    if kind not in (None, "Recreate", "None"):
        yield f"upgradeStrategy.type is {kind}; it may be Recreate or None."
    yield from _cluster(thing["spec"], thing["metadata"].get("annotations") or {})


def _cluster(spec: Object, annotations: Mapping[str, str]) -> Iterator[str]:
    gates = {one.strip() for one in annotations.get(GATES, "").split(",")}
    head, workers = spec.get("headGroupSpec") or {}, spec.get("workerGroupSpecs") or []
    groups = [("head", head), *((one.get("groupName", "?"), one) for one in workers)]
    if empty := [name for name, group in groups if not _pod(group).get("containers")]:
        yield f"the group {empty[0]} has no container."
        return
    for name, group in groups:
        yield from _group(name, group)
    for name, group in groups[1:]:
        yield from _worker_group(name, group, spec, gates)
    yield from _control_store(spec, annotations, gates)
    yield from _autoscaler(spec, groups)
    yield from _token(spec)
    yield from _gated(spec, gates, groups)


def _group(name: str, group: Object) -> Iterator[str]:
    parameters, resources = group.get("rayStartParams") or {}, group.get("resources") or {}
    if resources and any(parameters.get(one) for one in ("num-cpus", "num-gpus", "memory", "resources")):
        yield f"the group {name} has resources in rayStartParams and in resources; say them once."
    if "labels" in parameters:
        yield f"the group {name} has labels in rayStartParams; they belong into labels of the group."
    for key, value in (group.get("labels") or {}).items():
        prefix, slash, rest = key.rpartition("/")
        if not _LABEL_NAME.fullmatch(rest) or (slash and not _PREFIX.fullmatch(prefix)):
            yield f"the group {name} has a label whose key is none: {key}."
        if value and not _LABEL_NAME.fullmatch(value):
            yield f"the group {name} has a label whose value is none: {key}={value}."


def _worker_group(name: str, group: Object, spec: Object, gates: set[str]) -> Iterator[str]:
    scaled = bool(spec.get("enableInTreeAutoscaling"))
    least, most = group.get("minReplicas"), group.get("maxReplicas")
    if not scaled and (least is None or most is None):
        yield f"the group {name} needs minReplicas and maxReplicas, since nothing scales it."
    for word, number in (
        ("minReplicas", least),
        ("maxReplicas", most),
        ("idleTimeoutSeconds", group.get("idleTimeoutSeconds")),
    ):
        if number is not None and number < 0:
            yield f"the group {name} has a negative {word}."
    if least is not None and most is not None and least > most:
        yield f"the group {name} has a minReplicas of {least} above its maxReplicas of {most}."
    version_two = _is_version_two(spec) or _env(_head(spec)).get(_V2) in ("1", "true")
    if group.get("idleTimeoutSeconds") is not None and not version_two:
        yield f"the group {name} has idleTimeoutSeconds, which needs autoscalerOptions.version v2."
    if group.get("priority"):
        if not version_two:
            yield f"the group {name} has a priority, which needs autoscalerOptions.version v2."
        if not _is_at_least(spec, (2, 56, 0)):
            yield f"the group {name} has a priority, which needs rayVersion 2.56.0 or later."
    if group.get("suspend") and scaled:
        yield f"the group {name} cannot be suspended while the autoscaler is on."
    elif group.get("suspend") and "RayJobDeletionPolicy" not in gates:
        yield f"the group {name} can be suspended only with the feature gate RayJobDeletionPolicy."


def _control_store(spec: Object, annotations: Mapping[str, str], gates: set[str]) -> Iterator[str]:
    options, head = spec.get("gcsFaultToleranceOptions"), _head(spec)
    env, parameters = _env(head), (spec.get("headGroupSpec") or {}).get("rayStartParams") or {}
    if parameters.get("redis-username") or "REDIS_USERNAME" in env:
        yield "the user of Redis belongs into gcsFaultToleranceOptions.redisUsername alone."
    if options is None:
        if "RAY_REDIS_ADDRESS" in env and annotations.get("ray.io/ft-enabled", "").lower() != "true":
            yield "RAY_REDIS_ADDRESS is set without gcsFaultToleranceOptions."
        return
    if annotations.get("ray.io/ft-enabled"):
        yield "the annotation ray.io/ft-enabled and gcsFaultToleranceOptions are both set."
    if annotations.get("ray.io/external-storage-namespace"):
        yield "the annotation ray.io/external-storage-namespace belongs into gcsFaultToleranceOptions."
    if parameters.get("redis-password"):
        yield "rayStartParams has redis-password; it belongs into gcsFaultToleranceOptions.redisPassword."
    for name in ("REDIS_PASSWORD", "RAY_REDIS_ADDRESS"):
        if name in env:
            yield f"the head has {name} in its environment; it belongs into gcsFaultToleranceOptions."
    if options.get("backend", "redis") == "rocksdb":
        yield from _rocksdb(options, spec, gates)
    elif options.get("storage"):
        yield "gcsFaultToleranceOptions.storage is for the backend rocksdb alone."


def _rocksdb(options: Object, spec: Object, gates: set[str]) -> Iterator[str]:
    if "GCSFaultToleranceEmbeddedStorage" not in gates:
        yield f"the backend rocksdb needs the feature gate GCSFaultToleranceEmbeddedStorage (annotation {GATES})."
    for field in ("redisAddress", "redisUsername", "redisPassword", "externalStorageNamespace"):
        if options.get(field):
            yield f"gcsFaultToleranceOptions.{field} is for the backend redis alone."
    storage = options.get("storage") or {}
    if storage.get("claimName") and any(storage.get(one) for one in ("size", "storageClassName", "accessModes")):
        yield "gcsFaultToleranceOptions.storage has claimName, and size, class or modes as well: one or the other."
    head = _head(spec)
    for name in ("RAY_gcs_storage", "RAY_gcs_storage_path"):
        if name in _env(head):
            yield f"the head has {name} in its environment, which the operator sets."
    mounts = head.get("volumeMounts") or []
    volumes = _pod(spec.get("headGroupSpec") or {}).get("volumes") or []
    taken = any(one.get("mountPath") == "/data/gcs" or one.get("name") == "gcs-storage" for one in mounts)
    if taken or any(one.get("name") == "gcs-storage" for one in volumes):
        yield "the head has a volume gcs-storage or one at /data/gcs, which the operator mounts."


def _autoscaler(spec: Object, groups: Sequence[tuple[str, Object]]) -> Iterator[str]:
    options, env = spec.get("autoscalerOptions") or {}, _env(_head(spec))
    if not spec.get("enableInTreeAutoscaling") and env.get(_V2) in ("1", "true"):
        yield f"{_V2} is set, and enableInTreeAutoscaling is not."
    if spec.get("enableInTreeAutoscaling") and options.get("version") and _V2 in env:
        yield f"autoscalerOptions.version and {_V2} are both set; the first one alone is right."
    if _is_version_two(spec):
        for name, group in groups:
            if _pod(group).get("restartPolicy") not in (None, "", "Never"):
                yield f"the group {name} must have restartPolicy Never, or none, with autoscaler v2."
    if (options.get("idleTimeoutSeconds") or 0) < 0:
        yield "autoscalerOptions.idleTimeoutSeconds must not be negative."
    if "KUBERAY_GEN_AUTOSCALER_START_CMD" in _env(options):
        yield "autoscalerOptions.env has KUBERAY_GEN_AUTOSCALER_START_CMD, which the operator sets."


def _token(spec: Object) -> Iterator[str]:
    options = spec.get("authOptions") or {}
    if spec.get("authOptions") is None or options.get("mode", "token") != "token":
        if options.get("enableK8sTokenAuth"):
            yield "authOptions.enableK8sTokenAuth needs authOptions.mode token."
        return
    if not _is_at_least(spec, (2, 52, 0)):
        yield "authOptions.mode token needs rayVersion, 2.52.0 or later."
    if options.get("enableK8sTokenAuth") and options.get("secretName"):
        yield "authOptions.enableK8sTokenAuth and authOptions.secretName exclude each other."
    if options.get("enableK8sTokenAuth") and not _is_at_least(spec, (2, 55, 0)):
        yield "authOptions.enableK8sTokenAuth needs rayVersion 2.55.0 or later."


def _gated(spec: Object, gates: set[str], groups: Sequence[tuple[str, Object]]) -> Iterator[str]:
    gated = {
        "networkPolicy": "RayClusterNetworkPolicy",
        "tlsOptions": "RayClusterMTLS",
        "historyServerOptions": "RayClusterHistoryServer",
    }
    for field, gate in gated.items():
        if spec.get(field) is not None and gate not in gates:
            yield f"{field} needs the operator's feature gate {gate} (annotation {GATES})."
    if (spec.get("tlsOptions") or {}).get("enabled"):
        for name, group in groups:
            container = _pod(group)["containers"][0]
            if taken := [one for one in _TLS if one in _env(container)]:
                yield f"the group {name} sets {taken[0]}, which the operator does with tlsOptions."


def placeholders(objects: Sequence[Object]) -> list[str]:
    """What a person must still put in before `objects` can run, a sentence each: digests, sealed values, hosts."""
    found = []
    for thing in objects:
        who = f"{thing.get('kind')} {thing['metadata'].get('name')}"
        text = str(thing)
        if "sha256:" + "0" * 64 in text:
            found.append(f"{who} names an image by a digest of zeros: put in the one that `docker push` printed.")
        if "example.com" in text and thing.get("kind") in ("RayService", "Gateway"):
            found.append(f"{who} names example.com: put in your own registry, host and address.")
        for key, value in (thing.get("spec") or {}).get("encryptedData", {}).items():
            if value == "TO-BE-SEALED":
                found.append(f"{who}: the value of {key} is not sealed yet (docs/kuberay.md says how).")
    return found


def _pod(group: Object) -> Mapping[str, Any]:
    spec: Mapping[str, Any] = (group.get("template") or {}).get("spec") or {}
    return spec


def _head(spec: Object) -> Mapping[str, Any]:
    container: Mapping[str, Any] = _pod(spec["headGroupSpec"])["containers"][0]
    return container


def _env(container: Object) -> dict[str, str | None]:
    return {one["name"]: one.get("value") for one in container.get("env") or []}


def _is_version_two(spec: Object) -> bool:
    return bool(spec.get("enableInTreeAutoscaling")) and (spec.get("autoscalerOptions") or {}).get("version") == "v2"


def _is_at_least(spec: Object, wanted: tuple[int, int, int]) -> bool:
    found = _VERSION.match(str(spec.get("rayVersion", "")))
    return found is not None and tuple(int(one or 0) for one in found.groups()) >= wanted
