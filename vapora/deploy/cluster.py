"""A Kubernetes cluster, as far as a deployment needs it: objects as plain values, read and applied.

lightkube finds the cluster and signs in (`KUBECONFIG`, `~/.kube/config`, or from inside a pod). Objects are applied on
the server's side, under our name as field manager: what others own of an object stays theirs.
"""

from __future__ import annotations

import json
from types import TracebackType

from vapora.deploy.workflow import Manifest, key
from vapora.errors import ConfigurationError, ConflictError, NotFoundError, UnavailableError

MANAGER = "vapora-deploy"
_APPLY = "application/apply-patch+yaml"


class Cluster:
    """`context`: of the kubeconfig; empty: the current one. Every method raises `UnavailableError` where the cluster
    does not answer, or refuses for another reason than those named."""

    def __init__(self, context: str = "") -> None:
        try:
            import httpx2
            from lightkube.config import client_adapter, kubeconfig
        except ImportError as error:
            raise ConfigurationError("lightkube is missing: install vapora[platform,deploy].") from error
        try:
            found = kubeconfig.KubeConfig.from_env().get(context or None)
        except Exception as error:  # it has a class for each way in which a file can be wrong
            raise ConfigurationError(
                f"No cluster is configured: {error}.", remedy="Set KUBECONFIG, or name a context."
            ) from error
        if found is None:
            raise ConfigurationError(f"The kubeconfig has no context {context}.")
        self._http = client_adapter.Client(found, client_adapter.ConnectionParams(timeout=httpx2.Timeout(30)))
        self.name = found.context_name or "default"
        self._kinds: dict[str, dict[str, tuple[str, bool]]] = {}

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.close()

    def get(self, like: Manifest) -> Manifest | None:
        """The object of this kind, name and namespace; None where there is none."""
        try:
            return self._ask("GET", self._path(like), what=key(like))
        except NotFoundError:
            return None

    def pods(self, job: Manifest) -> list[Manifest]:
        """Those of a job, the newest last."""
        like = {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": job["metadata"]["namespace"]}}
        label = "batch.kubernetes.io/job-name"
        name = job["metadata"]["name"]
        found = self._ask("GET", self._path(like, named=False), {"labelSelector": f"{label}={name}"}, what="pods")
        mine = [one for one in found.get("items", []) if one["metadata"].get("labels", {}).get(label) == name]
        return sorted(mine, key=lambda one: str(one["metadata"].get("creationTimestamp", "")))

    def apply(self, wanted: Manifest, *, force: bool = False) -> Manifest:
        """Make it, or change what is ours of it. Raises `ConflictError` where somebody else owns a field that would
        change; `force` takes it from them."""
        parameters = {"fieldManager": MANAGER, "force": "true" if force else "false"}
        return self._ask("PATCH", self._path(wanted), parameters, wanted, key(wanted))

    def create(self, wanted: Manifest) -> Manifest:
        """Raises `ConflictError` where it is there."""
        return self._ask("POST", self._path(wanted, named=False), {"fieldManager": MANAGER}, wanted, key(wanted))

    def delete(self, like: Manifest) -> None:
        """What belongs to it goes as well. Nothing where it is not there."""
        try:
            self._ask("DELETE", self._path(like), {"propagationPolicy": "Background"}, what=key(like))
        except NotFoundError:
            return

    def _path(self, one: Manifest, *, named: bool = True) -> str:
        version, kind = one["apiVersion"], one["kind"]
        plural, namespaced = self._kind(version, kind)
        parts = ["api" if "/" not in version else "apis", version]
        if namespaced:
            parts += ["namespaces", one["metadata"].get("namespace", "default")]
        return "/".join([*parts, plural, *([one["metadata"]["name"]] if named else [])])

    def _kind(self, version: str, kind: str) -> tuple[str, bool]:
        if version not in self._kinds:
            try:
                listed = self._ask("GET", f"{'api' if '/' not in version else 'apis'}/{version}", what=version)
            except NotFoundError:
                listed = {"resources": []}
            self._kinds[version] = {
                one["kind"]: (one["name"], bool(one["namespaced"]))
                for one in listed["resources"]
                if "/" not in one["name"]
            }
        try:
            return self._kinds[version][kind]
        except KeyError:
            raise ConfigurationError(
                f"The cluster knows no {kind} of {version}.",
                remedy="Install the operator that brings it; docs/deploy.md names them.",
            ) from None

    def _ask(
        self,
        method: str,
        path: str,
        parameters: dict[str, str] | None = None,
        body: Manifest | None = None,
        what: str = "",
    ) -> Manifest:
        import httpx2

        headers = {"Content-Type": _APPLY if method == "PATCH" else "application/json"}
        content = None if body is None else json.dumps(body).encode()
        try:
            answer = self._http.request(method, path, params=parameters, content=content, headers=headers)
        except httpx2.HTTPError as error:
            raise UnavailableError(
                f"The cluster {self.name} does not answer: {type(error).__name__}: {error}",
                remedy="What was done stays done; run the same command again.",
            ) from error
        if answer.is_success:
            found: Manifest = answer.json()
            return found
        said = _message(answer.content) or answer.reason_phrase
        if answer.status_code == 404:
            raise NotFoundError(f"{what}: {said}")
        if answer.status_code == 409:
            raise ConflictError(f"{what}: {said}")
        raise UnavailableError(f"The cluster refuses {what} ({answer.status_code}): {said}")


def _message(content: bytes) -> str:
    try:
        return str(json.loads(content).get("message", ""))
    except (ValueError, AttributeError):
        return ""
