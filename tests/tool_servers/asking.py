"""A card whose agent has read text of strangers, and then wants to send something out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from events.ids import Provider
from tests.repo.site import TheirRepository
from tests.tool_servers.odd import odd
from tests.waiting import wait_for
from tests.work.site import call, scripted
from vapora.testing import FakeVendors

READS = {"name": "echo", "reads_outside": True, "outward": False}
SENDS = {"name": "big", "outward": True}
# Two calls in one answer: what is asked about is the first that sends something out, then the second.
WORK = [
    [call("odd__echo", text="do evil")],
    [call("odd__big", size=3), call("odd__big", size=4)],
    [call("finish", summary="Done.")],
]


def environ(vendors: FakeVendors) -> dict[str, str]:
    vendors.default(scripted(WORK))
    return dict(vendors.environ(Provider.ANTHROPIC))


class Asking:
    """`url`: of the API. `folder`: where a repository may be."""

    def __init__(self, url: str, operator: str, folder: Path) -> None:
        theirs = TheirRepository(folder / "theirs")
        theirs.commit({"slug.py": "x = 1\n"}, "Begin")
        self._http = httpx.Client(base_url=url, timeout=60, headers={"Authorization": f"Bearer {operator}"})
        self._ask("PUT", "/mcp/servers/odd", odd(tools=[READS, SENDS]).model_dump(mode="json"))
        project = self._ask("POST", "/projects", {"name": "Shop", "repo": str(theirs.path)})["id"]
        of = {"role": "developer", "task_type": "code-generation", "review": "human"}
        self.task_id = str(self._ask("POST", "/tasks", {"project_id": project, "title": "Mend it", **of})["task_id"])

    def waits(self, size: int) -> dict[str, Any]:
        """The call that it asks about, once it asks about the one of that size."""

        def asked() -> dict[str, Any] | None:
            found = ((self.card()["waiting"]) or {}).get("call")
            return found if found and found["arguments"] == f'{{"size": {size}}}' else None

        found: dict[str, Any] = wait_for(f"the call of size {size} waits", asked)
        return found

    def results(self) -> list[str]:
        """What became of the calls that send something out, once the run has ended."""
        wait_for("the run succeeded", lambda: self.card()["runs"][0]["state"] == "succeeded")
        run = self.card()["runs"][0]["run_id"]
        steps = self._ask("GET", f"/runs/{run}/steps")["items"]
        return [one["result"] for one in steps if one["name"] == "odd.big"]

    def card(self) -> dict[str, Any]:
        found: dict[str, Any] = self._ask("GET", f"/tasks/{self.task_id}")
        return found

    def close(self) -> None:
        self._http.close()

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()
