"""Jobs that a step runs, made from a CronJob of the environment, and the proof that one has done what it is for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime

from vapora.deploy.cluster import Cluster
from vapora.deploy.difference import find
from vapora.deploy.workflow import Manifest, key
from vapora.errors import UnavailableError


def job_of(cron: Manifest, began: datetime) -> Manifest:
    """The same for a run that goes on, so that it is not run twice. `began`: when the run did."""
    metadata = {
        "name": f"{cron['metadata']['name']}-{began:%Y%m%d%H%M%S}",
        "namespace": cron["metadata"].get("namespace", "default"),
        "labels": cron["metadata"].get("labels", {}),
    }
    spec = cron["spec"]["jobTemplate"]["spec"]
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


def not_ended(cluster: Cluster, job: Manifest) -> Iterator[str]:
    """Raises `UnavailableError` where it has failed."""
    there = cluster.get(job) or {}
    if find(there, "status.conditions[type=Failed].status") == "True":
        raise UnavailableError(f"{key(job)} failed: {find(there, 'status.conditions[type=Failed].message')}.")
    if find(there, "status.conditions[type=Complete].status") != "True":
        yield f"{key(job)} has not ended."


def was_in_vain(job: Manifest, pods: Sequence[Manifest]) -> bool:
    """Whether it has ended without having done what it is for: it may be run anew."""
    ended = {name: find(job, f"status.conditions[type={name}].status") == "True" for name in ("Failed", "Complete")}
    return ended["Failed"] or (ended["Complete"] and next(unproved(pods, job), None) is not None)


def unproved(pods: Sequence[Manifest], job: Manifest) -> Iterator[str]:
    """A job may succeed without having saved anything. What counts is what its last pod said when it ended: that what
    it saved was read back, and is whole (`vapora backup --check`)."""
    said = _said(pods)
    try:
        told = json.loads(said)
        proved = told["proved"] is True and told["workspaces"] > 0
    except (ValueError, TypeError, KeyError):
        proved = False
    if not proved:
        yield f"{key(job)} ended, and does not say that what it saved is whole; it says: {said[:200] or 'nothing'}."


def saved(pods: Sequence[Manifest]) -> str:
    """For people, once it is proved."""
    told = json.loads(_said(pods))
    return f"saved to {told['place']} and read back: {told['workspaces']} logs, {told['events']} events"


def _said(pods: Sequence[Manifest]) -> str:
    statuses = find(pods[-1], "status.containerStatuses") if pods else None
    return str(find(statuses[0], "state.terminated.message") or "") if statuses else ""
