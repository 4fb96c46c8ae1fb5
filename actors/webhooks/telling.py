"""Tells people by channels: what a notice says, in the form of each kind of channel, sent once.

Secrets come from the vault for each message, and are nowhere else: in no event, no error and no address that is shown.
"""

from __future__ import annotations

import json
from typing import Final, Protocol

from pydantic import SecretStr

from actors.webhooks.mail import Mailer
from actors.webhooks.sending import Attempt, Sender
from events import Recorded
from events.channel import ChannelSet
from events.ids import DEFAULT_WORKSPACE, StreamName, task_stream, workflow_run_stream
from events.workflow import WorkflowRunStarted
from vapora.clock import Clock
from vapora.dispatch.folds import TASK
from vapora.domain import channel as rules
from vapora.domain import notices
from vapora.domain import webhook as signing
from vapora.errors import BadInputError
from vapora.log.client import LogClient
from vapora.log.folds import StreamFolds
from vapora.vault import StoredSecret

_PURPOSE: Final = "channel:{}"
_SHORTEST_PART: Final = 6


class Secrets(Protocol):
    """`actors.secrets.SecretReader`."""

    async def read(self, workspace: str, name: str, purpose: str) -> tuple[SecretStr, StoredSecret] | None: ...

    async def close(self) -> None: ...


class Teller:
    """`public_url`: where the board is, for links; empty: no links."""

    def __init__(
        self,
        log: LogClient,
        workspace: str,
        clock: Clock,
        *,
        sender: Sender,
        mailer: Mailer,
        secrets: Secrets,
        public_url: str = "",
    ) -> None:
        self._log = log
        self._workspace = workspace
        self._clock = clock
        self._sender = sender
        self._mailer = mailer
        self._secrets = secrets
        self._public_url = public_url.rstrip("/")
        self._tasks = StreamFolds(log, TASK, None)

    async def close(self) -> None:
        await self._secrets.close()

    async def check(self, channel: ChannelSet) -> None:
        """`BadInputError` where it would be refused today. An address in the vault is seen when it is used."""
        if channel.url:
            await self._sender.check(channel.url)
        if channel.mail is not None:
            await self._mailer.check(channel.mail)

    async def is_of_plan(self, task_id: str) -> bool:
        """Whether this card plans, and what it hands in is a proposal to people."""
        task = (await self._tasks.load(task_stream(task_id))).state
        return task is not None and "plan_id" in task.context

    async def tell(self, channel: ChannelSet, recorded: Recorded) -> Attempt:
        """One attempt. Raises where the log or the vault cannot be asked, which is no attempt."""
        notice = notices.notice_of(recorded.event) or notices.SAMPLE
        values = await self._values(notice, recorded)
        return await self._send(channel, notice, values, f"{channel.channel_id}.{recorded.position}")

    async def sample(self, channel: ChannelSet) -> Attempt:
        values = {"workspace": self._workspace, "at": self._clock().isoformat()}
        return await self._send(channel, notices.SAMPLE, values, f"{channel.channel_id}.sample")

    async def _send(self, channel: ChannelSet, notice: str, values: dict[str, str], delivery: str) -> Attempt:
        secret: SecretStr | None = None
        if channel.secret:
            found = await self._secrets.read(self._workspace, channel.secret, _PURPOSE.format(channel.channel_id))
            if found is None:
                return Attempt(None, f"there is no secret '{channel.secret}' in the vault: store it")
            secret = found[0]
        text = notices.text(notice, values, channel.templates)
        if channel.mail is not None:
            subject = f"[VAPORA] {text.splitlines()[0] if text else notice}"[:200]
            return await self._mailer.send(channel.mail, secret, subject, text)
        value = "" if secret is None else secret.get_secret_value().strip()
        said = rules.body(channel, text, notice, values, self._clock())
        body = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "VAPORA-Notice/1", "Vapora-Delivery": delivery}
        if channel.kind == "webhook":
            headers["Vapora-Signature"] = signing.signature(value, int(self._clock().timestamp()), body)
        try:
            url = rules.address(channel, value)
        except BadInputError as error:
            return Attempt(None, str(error))
        attempt = await self._sender.send(url, body, headers)
        return Attempt(attempt.status, without(attempt.error, value), attempt.duration_ms, attempt.retry_after_s)

    async def _values(self, notice: str, recorded: Recorded) -> dict[str, str]:
        event = recorded.event
        said = notices.facts(event) | {
            "workspace": self._workspace,
            "notice": notice,
            "at": recorded.recorded_at.isoformat(),
            "actor": recorded.actor,
        }
        task_id, run_id = getattr(event, "task_id", None), getattr(event, "workflow_run_id", None)
        if task_id:
            task = (await self._tasks.load(task_stream(task_id))).state
            if task is not None:
                said |= {"task_title": task.title, "project_id": task.project_id}
            plan_id = task.context.get("plan_id") if task is not None and notice == "plan-proposed" else None
            said["link"] = self._link(f"/plans/{plan_id}" if plan_id else f"/t/{task_id}")
        elif run_id:
            said["workflow"] = await self._workflow(workflow_run_stream(run_id))
            said["link"] = self._link("/workflows")
        return said

    async def _workflow(self, stream: StreamName) -> str:
        first = await self._log.first(stream)
        if first is None or not isinstance(first.event, WorkflowRunStarted):
            return ""
        return str(first.event.definition.get("name") or first.event.workflow_id)

    def _link(self, path: str) -> str:
        if not self._public_url:
            return ""
        of = "" if self._workspace == DEFAULT_WORKSPACE else f"?w={self._workspace}"
        return f"{self._public_url}{path}{of}"


def without(error: str, secret: str) -> str:
    """An error that may be shown: one that repeats a part of the secret says no more than that."""
    host = secret.split("/")[2] if secret.startswith(("http://", "https://")) else ""
    parts = {secret, *secret.replace("?", "/").replace(":", "/").split("/")} - {host, host.partition(":")[0]}
    return "it failed" if any(len(one) >= _SHORTEST_PART and one in error for one in parts) else error
