"""What a deployment remembers, in a folder of its own for each environment: the run that is under way, so that one that
was killed goes on, and the revisions that were well, so that a rollback knows where to go back to.

Objects of kind Secret are never deployed, so none is in here: sealed secrets are, and stay sealed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from vapora import durable, file_lock
from vapora.deploy.workflow import Manifest, key
from vapora.errors import ConfigurationError, ConflictError
from vapora.private_dirs import make_private

StepState = Literal["open", "begun", "done", "failed"]


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid")


class StepRecord(_Kept):
    state: StepState = "open"
    at: datetime | None = None
    # Why it failed, or what a person still has to do.
    why: str = ""


class Run(_Kept):
    """One run of a workflow. `digest`: of the objects that it brings; `before`: the revision that it started from."""

    workflow: str
    options: dict[str, Any] = {}
    digest: str
    before: int = 0
    began: datetime
    steps: dict[str, StepRecord]


class Revision(_Kept):
    """What the cluster holds after a run that ended well: every object that was applied, as it was applied."""

    number: int
    workflow: str
    options: dict[str, Any] = {}
    digest: str
    ended: datetime


class State(_Kept):
    """`run`: under way, or failed, until it ends well or is rolled back. `revisions`: the good ones, newest last."""

    environment: str
    # The context of the kubeconfig: nobody deploys this environment into another cluster by mistake.
    cluster: str
    run: Run | None = None
    revisions: list[Revision] = []

    @property
    def good(self) -> Revision | None:
        return self.revisions[-1] if self.revisions else None


class Store:
    """`folder`/`environment`: `state.json`, and `revisions/NNNN.json` with the objects of each."""

    def __init__(self, folder: Path, environment: str) -> None:
        self._folder = folder / environment
        self._environment = environment

    @contextmanager
    def held(self) -> Iterator[None]:
        """For one process alone. Raises `ConflictError` while another one deploys."""
        make_private(self._folder)
        with (self._folder / "lock").open("w") as file:
            if not file_lock.lock(file):
                raise ConflictError(f"{self._environment} is being deployed by another process on this machine.")
            yield

    def read(self, cluster: str) -> State:
        """Empty where there was none. Raises `ConfigurationError` where it is of another cluster, or damaged."""
        place = self._folder / "state.json"
        if not place.exists():
            return State(environment=self._environment, cluster=cluster)
        try:
            state = State.model_validate_json(place.read_bytes())
        except ValidationError as error:
            raise ConfigurationError(f"{place} is damaged: {error.error_count()} faults.") from error
        if state.cluster != cluster:
            raise ConfigurationError(
                f"{self._environment} was deployed into the cluster {state.cluster}, and this is {cluster}.",
                remedy="Choose that context with --context, or another folder with --state.",
            )
        return state

    def write(self, state: State) -> None:
        durable.write(self._folder / "state.json", state.model_dump_json(indent=1).encode())

    def objects(self, number: int) -> list[Manifest]:
        """Of a revision; none of revision 0."""
        if number == 0:
            return []
        found: list[Manifest] = json.loads((self._folder / "revisions" / f"{number:04}.json").read_bytes())
        return found

    def keep(self, number: int, objects: Sequence[Manifest]) -> None:
        durable.write(self._folder / "revisions" / f"{number:04}.json", json.dumps(objects, indent=1).encode())


def digest(objects: Sequence[Manifest]) -> str:
    """Of a set of objects, however they are ordered."""
    ordered = sorted(objects, key=key)
    return hashlib.sha256(json.dumps(ordered, sort_keys=True).encode()).hexdigest()
