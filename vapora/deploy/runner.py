"""Runs workflows against a cluster: plan, apply, status and rollback of one environment.

Every step is applied, waited for and verified before the next one begins, and what was done is on the disk before
anything else is. So a run that was killed goes on where it was: a step that was begun is done again, which changes
nothing that is there already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vapora import clock
from vapora.deploy import environment as env
from vapora.deploy import workflow as flows
from vapora.deploy.cluster import Cluster
from vapora.deploy.difference import Change, changes
from vapora.deploy.leftover import Leftover, leftover
from vapora.deploy.objects import Objects, Say
from vapora.deploy.state import Revision, Run, State, StepRecord, Store, digest
from vapora.deploy.workflow import Manifest, Step, Workflow, key
from vapora.errors import ConfigurationError, ConflictError, VaporaError

_UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Planned:
    """A step, and what it would change: by the object's name; nothing where it is as it should be."""

    step: Step
    changes: dict[str, list[Change]]
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How an environment is: `drift` by object, what somebody changed past us; `unmet`, which checks do not hold."""

    state: State
    drift: dict[str, list[Change]]
    unmet: list[str]


class Deployment:
    """One environment in one cluster. `every_s`: how often a check is asked; `says_within_s`: so long after a job has
    ended its pod may take to say what it did."""

    def __init__(
        self,
        project: Path,
        environment: str,
        cluster: Cluster,
        store: Store,
        say: Say,
        every_s: float = 2.0,
        says_within_s: float = 60.0,
    ) -> None:
        self._project, self._environment = project, environment
        self._cluster, self._store, self._say = cluster, store, say
        self._objects = Objects(cluster, say, every_s, says_within_s)

    def plan(self, name: str, options: Mapping[str, Any]) -> list[Planned]:
        """What `apply` would do, step by step. Nothing is changed."""
        workflow, objects = self._read(name, options)
        divided = flows.divide(workflow, objects)
        return [
            Planned(
                step,
                {key(one): changes(one, self._cluster.get(one)) for one in divided[step.name]},
                _skipped(step, divided[step.name], objects),
            )
            for step in workflow.in_order()
        ]

    def gone(self, name: str, options: Mapping[str, Any], *, with_data: bool = False) -> Leftover:
        """What `apply` would remove, and what it would leave, of what no file of the environment has any more."""
        workflow, objects = self._read(name, options)
        state = self._store.read(self._cluster.name)
        good = self._store.objects(state.good.number) if state.good else []
        return leftover(workflow, objects, good, with_data=with_data)

    def missing(self, name: str, options: Mapping[str, Any]) -> list[str]:
        """What keeps `apply` from beginning: what the operator would refuse, and what a person has still to fill in."""
        return env.missing(self._read(name, options)[1])

    def status(self) -> Standing:
        """Where it is, whether somebody changed it past us, and whether it is well."""
        state = self._store.read(self._cluster.name)
        good = self._store.objects(state.good.number) if state.good else []
        wanted = self._read(state.run.workflow, state.run.options)[1] if state.run else []
        found = flows.load(self._project, "deploy")
        asked = [check for step in found.steps for check in step.checks]
        return Standing(state, self._objects.drift(good, wanted), list(self._objects.unmet(asked, good)))

    def apply(
        self,
        name: str,
        options: Mapping[str, Any],
        done: Sequence[str] = (),
        *,
        overwrite: bool = False,
        with_data: bool = False,
    ) -> Revision:
        """Run a workflow, or go on with the one that is under way. `done`: steps of which a person says that theirs is
        done. `overwrite`: what others changed is changed back. `with_data`: what the environment no longer has goes,
        also where it holds data or secrets.

        Raises `ConflictError` where the environment has drifted, another run is under way, or a person is awaited; and
        what kept a step from being done, which the state then names.
        """
        with self._store.held():
            workflow, objects = self._read(name, options)
            env.require_complete(objects)
            state = self._store.read(self._cluster.name)
            good = self._store.objects(state.good.number) if state.good else []
            self._check_generation(workflow, objects, good)
            if not overwrite:
                _refuse_drift(self._objects.drift(good, objects if state.run else []))
            run = self._begin(state, workflow, options, objects)
            divided = flows.divide(workflow, objects)
            for step in workflow.in_order():
                if run.steps[step.name].state != "done":
                    with self._recorded(state, step.name):
                        self._do(step, divided[step.name], objects, run, done, overwrite)
            taken = {key(one): one for step in workflow.steps for one in divided[step.name]}
            removed = self._objects.remove(leftover(workflow, objects, good, with_data=with_data))
            kept = {key(one): one for one in good if key(one) not in removed}
            return self._finish(state, run, kept | taken)

    def rollback(self) -> Revision | None:
        """Undo the run that is under way, or, where none is, the last good revision: back to the one before it.

        Returns the revision that the environment is at then; None: as before the first one. What a workflow keeps
        (`undo = "keep"`), such as volumes, stays. Raises `ConflictError` where there is nothing to go back from.
        """
        with self._store.held():
            state = self._store.read(self._cluster.name)
            before, workflow, steps = self._undone(state)
            now = self._store.objects(state.good.number) if state.good else []
            wanted = self._read(state.run.workflow, state.run.options)[1] if state.run else now
            divided = flows.divide(workflow, wanted)
            undone = steps if state.run is None else [one for one in workflow.steps if _was_touched(state.run, one)]
            # Where no process of ours was touched, none has to give way.
            moved = any(one.undo != "keep" and env.generation(divided[one.name]) is not None for one in undone)
            target = self._target(state, before, newer=moved)
            for name, one in target.items():
                # What the run has removed.
                if name not in {key(other) for other in wanted} and self._cluster.get(one) is None:
                    self._objects.put(one, force=True)
            for step in reversed(steps):
                self._undo(step, divided[step.name], target)
                if state.run:
                    state.run.steps[step.name] = StepRecord(state="open", at=clock.now(), why=_UNDONE)
                    self._store.write(state)
            return self._went_back(state, before, target)

    # --- the parts of a run ---

    def _read(self, name: str, options: Mapping[str, Any]) -> tuple[Workflow, list[Manifest]]:
        workflow = flows.load(self._project, name)
        return workflow, env.objects(self._project, self._environment, workflow, options)

    def _begin(self, state: State, workflow: Workflow, options: Mapping[str, Any], objects: list[Manifest]) -> Run:
        if state.run is None:
            steps = {step.name: StepRecord() for step in workflow.steps}
            before = state.good.number if state.good else 0
            state.run = Run(
                workflow=workflow.name,
                options=dict(options),
                digest=digest(objects),
                before=before,
                began=clock.now(),
                steps=steps,
            )
            self._store.write(state)
            return state.run
        same = (state.run.workflow, state.run.options, state.run.digest) == (workflow.name, options, digest(objects))
        if not same or state.run.steps.keys() != {step.name for step in workflow.steps}:
            raise ConflictError(
                f"A run of {state.run.workflow} is under way in {self._environment}, with other files or options.",
                remedy=f"Go on with those, or undo it: `vapora deploy rollback {self._environment}`.",
            )
        self._say(f"Going on with {workflow.name}, begun {state.run.began:%Y-%m-%d %H:%M:%S} UTC.")
        return state.run

    def _recorded(self, state: State, name: str) -> _Recorded:
        return _Recorded(self._store, state, name)

    def _do(
        self, step: Step, mine: list[Manifest], objects: list[Manifest], run: Run, done: Sequence[str], overwrite: bool
    ) -> None:
        if why := _skipped(step, mine, objects):
            self._say(f"{step.name}: {why}")
            return
        if step.person and step.name not in done:
            raise ConflictError(
                f"{step.name} waits for a person: {step.person}", remedy=f"Then go on with --done {step.name}."
            )
        self._say(f"{step.name}: {step.says}")
        if step.job:
            self._objects.run_job(step, objects, run)
        for one in mine:
            self._objects.put(one, force=overwrite)
        self._objects.wait(step, objects)

    def _check_generation(self, workflow: Workflow, objects: list[Manifest], good: list[Manifest]) -> None:
        """Whose generation is not higher is not let in beside the one that serves."""
        had, has = env.generation(good), env.generation(objects)
        if "generation" in workflow.options and had is not None and has is not None and has <= had:
            raise ConfigurationError(
                f"{workflow.name} starts a new installation beside the one that serves, which is generation {had}.",
                remedy=f"Give it the next one: --set generation={had + 1}, or in the environment's file.",
            )

    def _finish(self, state: State, run: Run, objects: Mapping[str, Manifest]) -> Revision:
        kept = list(objects.values())
        state.run = None
        if state.good and state.good.digest == digest(kept):
            self._store.write(state)
            return state.good
        number = max((one.number for one in state.revisions), default=0) + 1
        made = Revision(
            number=number, workflow=run.workflow, options=run.options, digest=digest(kept), ended=clock.now()
        )
        self._store.keep(number, kept)
        state.revisions.append(made)
        self._store.write(state)
        return made

    # --- the parts of a rollback ---

    def _undone(self, state: State) -> tuple[int, Workflow, list[Step]]:
        """Back to which revision, by which steps of which workflow, in the order in which they were done."""
        if state.run is not None:
            workflow = flows.load(self._project, state.run.workflow)
            touched = [one for one in workflow.in_order() if state.run.steps[one.name].state != "open"]
            return state.run.before, workflow, touched
        if state.good is None:
            raise ConflictError(f"Nothing was deployed into {self._environment} from here.")
        if len(state.revisions) < 2:
            raise ConflictError(f"Revision {state.good.number} is the first that was well: there is none before it.")
        workflow = flows.load(self._project, state.good.workflow)
        return state.revisions[-2].number, workflow, workflow.in_order()

    def _target(self, state: State, before: int, *, newer: bool) -> dict[str, Manifest]:
        """The objects to go back to. `newer`: their processes get a generation that the installation which is there
        gives way to."""
        target = self._store.objects(before)
        if not newer:
            return {key(one): one for one in target}
        latest = [env.generation(target)]
        if state.run:
            latest.append(env.generation(self._read(state.run.workflow, state.run.options)[1]))
        if state.good:
            latest.append(env.generation(self._store.objects(state.good.number)))
        numbers = [number for number in latest if number is not None]
        return {
            key(one): env.with_generation(one, max(numbers) + 1) if numbers and max(numbers) != latest[0] else one
            for one in target
        }

    def _undo(self, step: Step, mine: Sequence[Manifest], target: Mapping[str, Manifest]) -> None:
        if step.undo == "keep":
            self._say(f"{step.name}: kept")
            return
        self._say(f"{step.name}: undone")
        for one in mine:
            if key(one) in target:
                self._objects.put(target[key(one)], force=True)
            else:
                self._cluster.delete(one)
                self._say(f"  {key(one)}: removed")
        self._objects.wait(step, [target[key(one)] for one in mine if key(one) in target])

    def _went_back(self, state: State, before: int, target: Mapping[str, Manifest]) -> Revision | None:
        number = max((one.number for one in state.revisions), default=0) + 1
        was = next((one for one in state.revisions if one.number == before), None)
        state.revisions = [one for one in state.revisions if one.number < before]
        state.run = None
        if was is not None:
            made = was.model_copy(
                update={"number": number, "ended": clock.now(), "digest": digest(list(target.values()))}
            )
            self._store.keep(number, list(target.values()))
            state.revisions.append(made)
        self._store.write(state)
        return state.good


class _Recorded:
    """Around one step: begun, then done or failed, each on the disk before anything follows."""

    def __init__(self, store: Store, state: State, name: str) -> None:
        self._store, self._state, self._name = store, state, name

    def __enter__(self) -> None:
        self._put(StepRecord(state="begun", at=clock.now()))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: object) -> None:
        if error is None:
            self._put(StepRecord(state="done", at=clock.now()))
        elif isinstance(error, VaporaError):
            self._put(StepRecord(state="failed", at=clock.now(), why=error.message))

    def _put(self, record: StepRecord) -> None:
        assert self._state.run is not None
        self._state.run.steps[self._name] = record
        self._store.write(self._state)


def _was_touched(run: Run, step: Step) -> bool:
    """Also by a rollback that was cut off."""
    record = run.steps[step.name]
    return record.state != "open" or record.why == _UNDONE


def _skipped(step: Step, mine: Sequence[Manifest], objects: Sequence[Manifest]) -> str:
    """Why a step has nothing to do in this environment; empty where it has."""
    if step.job and not any((one["kind"], one["metadata"]["name"]) == ("CronJob", step.job.cron) for one in objects):
        return f"left out: the environment has no CronJob {step.job.cron}."
    if (step.apply or step.rest) and not mine and not step.person:
        return "left out: the environment has nothing of it."
    return ""


def _refuse_drift(drift: Mapping[str, Sequence[Change]]) -> None:
    if drift:
        name, found = next(iter(drift.items()))
        raise ConflictError(
            f"{name} is not as it was deployed: {found[0]}. Somebody changed it past `vapora deploy`"
            + (f", and {len(drift) - 1} more." if len(drift) > 1 else "."),
            remedy="Take the change into kuberay/, or have it changed back with --overwrite-drift.",
        )
