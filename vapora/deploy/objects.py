"""Objects in a cluster: set, removed, and waited for until they are as a check wants them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from vapora.deploy import jobs
from vapora.deploy.cluster import Cluster
from vapora.deploy.difference import Change, changes, find
from vapora.deploy.leftover import PASSING, Leftover
from vapora.deploy.state import Run
from vapora.deploy.workflow import Check, Manifest, Step, key
from vapora.errors import UnavailableError

Say = Callable[[str], None]


class Objects:
    """`every_s`: how often a check is asked; `says_within_s`: so long after a job has ended its pod may take to say
    what it did. `say` is told of each change."""

    def __init__(self, cluster: Cluster, say: Say, every_s: float, says_within_s: float) -> None:
        self._cluster = cluster
        self._say, self._every_s, self._says_within_s = say, every_s, says_within_s

    def put(self, one: Manifest, *, force: bool) -> None:
        there = self._cluster.get(one)
        if there is not None and not changes(one, there):
            return
        if there is not None and one["kind"] in PASSING:
            # What a job runs cannot be changed, only run anew.
            self._cluster.delete(one)
        taken = self._cluster.apply(one, force=force)
        if left := changes(one, taken):
            raise UnavailableError(f"The cluster did not take all of {key(one)}: {left[0]}.")
        self._say(f"  {key(one)}: {'made' if there is None else 'changed'}")

    def run_job(self, step: Step, objects: list[Manifest], run: Run) -> None:
        assert step.job is not None
        cron = next(one for one in objects if (one["kind"], one["metadata"]["name"]) == ("CronJob", step.job.cron))
        # Of the version that is there: nothing of the new one is to touch anything before this is done.
        job = jobs.job_of(self._cluster.get(cron) or cron, run.began)
        there = self._cluster.get(job)
        if there is not None and jobs.was_in_vain(there, self._cluster.pods(job)):
            self._cluster.delete(job)
            there = None
        if there is None:
            self._cluster.create(job)
        self._until(lambda: jobs.not_ended(self._cluster, job), step.within_s)
        self._until(lambda: jobs.unproved(self._cluster.pods(job), job), self._says_within_s)
        self._say(f"  {jobs.saved(self._cluster.pods(job))}")

    def remove(self, left: Leftover) -> set[str]:
        for one in left.going:
            self._cluster.delete(one)
            self._say(f"  {key(one)}: removed, the environment no longer has it")
        for one in left.staying:
            self._say(f"  {key(one)}: left, though the environment no longer has it; --remove-data removes it too")
        return {key(one) for one in left.going}

    def wait(self, step: Step, objects: Sequence[Manifest]) -> None:
        self._until(lambda: self.unmet(step.checks, objects), step.within_s)

    def _until(self, unmet: Callable[[], Iterator[str]], within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while left := next(unmet(), None):
            if time.monotonic() > deadline:
                raise UnavailableError(f"After {within_s:g} s: {left}")
            time.sleep(self._every_s)

    def unmet(self, checks: Sequence[Check], objects: Sequence[Manifest]) -> Iterator[str]:
        for check in checks:
            for one in objects:
                if one["kind"] == check.kind and check.name in ("", one["metadata"]["name"]):
                    there = self._cluster.get(one)
                    if why := why_not(check, there):
                        yield f"{key(one)}: {why}"

    def drift(self, good: Sequence[Manifest], wanted: Sequence[Manifest]) -> dict[str, list[Change]]:
        """Objects that are neither as we left them nor as the run that is under way wants them."""
        wanted_of = {key(one): one for one in wanted}
        found: dict[str, list[Change]] = {}
        for one in good:
            if one["kind"] in PASSING:
                continue
            there = self._cluster.get(one)
            drifted = changes(one, there)
            going = wanted_of and key(one) not in wanted_of and there is None
            if drifted and not going and not (key(one) in wanted_of and not changes(wanted_of[key(one)], there)):
                found[key(one)] = drifted
        return found


def why_not(check: Check, there: Manifest | None) -> str:
    """Empty where it holds. What a controller said of an older form of the object does not count."""
    if there is None:
        return "it is not there"
    seen, made = find(there, "status.observedGeneration"), find(there, "metadata.generation")
    if isinstance(seen, int) and isinstance(made, int) and seen < made:
        return "its controller has not seen its newest form"
    value = find(there, check.path)
    if check.reaches is not None:
        wanted = find(there, check.reaches)
        good = isinstance(value, int) and isinstance(wanted, int) and value >= wanted
        return "" if good else f"{check.path} is {value or 0}, and not yet {wanted}"
    if value == check.equals:
        return ""
    parent, _, _ = check.path.rpartition(".")
    said = find(there, f"{parent}.message") if parent else None
    return f"{check.path} is {value}, not {check.equals}" + (f" ({said})" if said else "")
