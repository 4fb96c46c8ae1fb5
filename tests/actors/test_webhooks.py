"""Webhooks against real servers on this machine: at least once, signed, tried again, given up, and never inside."""

from __future__ import annotations

import asyncio
import hmac
import json
import stat
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from actors.log_writer import LogWriter
from actors.secrets import SecretReader
from actors.webhooks import Mailer, Outbox, Sender, Teller, VaultSecrets, Webhooks
from events.ids import secret_stream, task_stream
from events.task import TaskCompleted, TaskFailed
from tests.actors.kit import NOON, ORIGIN, WORKSPACE, log_writer
from tests.receiver import Receiver, answer
from tests.vault.bench import over_files, value_of
from tests.waiting import DEADLINE_S
from vapora import durable
from vapora.clock import now
from vapora.commands import RemoveWebhook, SetWebhook
from vapora.dispatch import Dispatcher
from vapora.dispatch.secrets import SecretEvents, SecretStore
from vapora.domain import webhook as rules
from vapora.domain.cell import Rest
from vapora.errors import BadInputError
from vapora.log.client import LogClient
from vapora.ports import RequestKey
from vapora.settings import Network
from vapora.vault import Vault, webhook_secret_name
from vapora.views import WebhookDelivery

LOOPBACK = (ip_network("127.0.0.0/8"),)


@dataclass
class Site:
    """A workspace's log with its webhooks."""

    writer: LogWriter
    folder: Path
    allowed: Sequence[Network] = LOOPBACK
    hooks: Webhooks | None = None
    pauses: list[tuple[int, float | None]] = field(default_factory=list)
    pause: float = 0.01

    @property
    def log(self) -> LogClient:
        return LogClient(self.writer, WORKSPACE)

    @property
    def vault(self) -> Vault:
        return over_files(self.folder)

    def secrets(self) -> VaultSecrets:
        vault, events = self.vault, SecretEvents(self.log, now)
        reader = SecretReader(vault, lambda workspace: events, "webhooks", now)
        return VaultSecrets(WORKSPACE, reader, SecretStore(WORKSPACE, vault, events), self.folder / "secrets")

    def secret(self, webhook_id: str) -> str | None:
        return value_of(self.vault, WORKSPACE, webhook_secret_name(webhook_id))

    async def start(self, resolve: Callable[..., Any] | None = None, timeout_s: float = 5) -> Webhooks:
        more = {} if resolve is None else {"resolve": resolve}

        def pause_s(attempts: int, luck: float, asked_for_s: float | None) -> float:
            self.pauses.append((attempts, asked_for_s))
            return self.pause

        sender = Sender(self.allowed, now, timeout_s=timeout_s, **more)
        reader = SecretReader(over_files(self.folder), lambda _: SecretEvents(self.log, now), "notifications", now)
        self.hooks = Webhooks(
            self.log,
            WORKSPACE,
            now,
            open_outbox=lambda: Outbox(self.folder / "outbox.db"),
            secrets=self.secrets(),
            sender=sender,
            teller=Teller(self.log, WORKSPACE, now, sender=sender, mailer=Mailer(sender.reach, now), secrets=reader),
            pause_s=pause_s,
        )
        await self.hooks.start()
        return self.hooks

    async def stop(self) -> None:
        if self.hooks is not None:
            await self.hooks.stop()
            self.hooks = None

    async def add(self, url: str, *wanted: str) -> str:
        """As the API does it."""
        command = SetWebhook(url=url, topics=wanted or ("task.*",))
        made = (await Dispatcher(self.log, now).dispatch(ORIGIN, command)).id
        if self.hooks is not None:
            await self.hooks.secret(made)
        return made

    async def tell(self, *tasks: str, kind: type[TaskCompleted | TaskFailed] = TaskCompleted) -> None:
        for one in tasks:
            more = {} if kind is TaskCompleted else {"reason": "broke"}
            event = kind(task_id=one, run_id=f"{one}.1", **more)
            await self.log.append(ORIGIN, (task_stream(one), 0, (event,)))

    async def settled(self) -> Rest:
        """Once nothing is on its way."""
        assert self.hooks is not None
        async with asyncio.timeout(DEADLINE_S):
            while (rest := await self.hooks.rest()).busy:
                await asyncio.sleep(0)
        return rest

    async def delivery(self, webhook_id: str, is_it: Callable[[WebhookDelivery], bool]) -> WebhookDelivery:
        """The newest one, as soon as it is as wished."""
        assert self.hooks is not None
        async with asyncio.timeout(DEADLINE_S):
            while True:
                page = await self.hooks.deliveries(webhook_id, None, None, 10)
                if page.items and is_it(page.items[0]):
                    return page.items[0]


@asynccontextmanager
async def site_in(folder: Path) -> AsyncIterator[Site]:
    async with log_writer(now) as writer:
        site = Site(writer, folder)
        yield site
        await site.stop()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with site_in(tmp_path / "webhooks") as site:
        yield site


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    await made.start()
    yield made
    await made.stop()


async def test_what_was_asked_for_is_sent_signed_and_nothing_else(site: Site, receiver: Receiver) -> None:
    hooks = await site.start()
    webhook_id = await site.add(receiver.url, "task.completed")
    await site.tell("t0", kind=TaskFailed)
    await site.tell("t1")
    [message] = await receiver.wait_for(1)
    assert message.path == "/hooks"
    said = message.said
    assert (said["topic"], said["event"]["task_id"], said["workspace"]) == ("task.completed", "t1", WORKSPACE)
    assert message.headers["vapora-delivery"] == said["delivery"] == f"{webhook_id}.{said['position']}"
    at, _, signed = message.headers["vapora-signature"].removeprefix("t=").partition(",v1=")
    secret = await hooks.secret(webhook_id)
    assert signed == hmac.new(secret.encode(), f"{at}.".encode() + message.body, sha256).hexdigest()
    done = await site.delivery(webhook_id, lambda one: one.state == "delivered")
    assert (done.attempts, done.status, done.error, done.next_at) == (1, 200, "", None)


async def test_what_happened_before_it_was_made_is_not_sent(site: Site, receiver: Receiver) -> None:
    await site.tell("t1")
    await site.start()
    await site.add(receiver.url)
    await site.tell("t2")
    [message] = await receiver.wait_for(1)
    assert message.said["event"]["task_id"] == "t2"


async def test_what_happens_while_nobody_sends_is_sent_after_the_next_start(site: Site, receiver: Receiver) -> None:
    await site.start()
    webhook_id = await site.add(receiver.url)
    await site.tell("t1")
    # Else it may be sent once more: at least once is what is promised.
    await site.delivery(webhook_id, lambda one: one.state == "delivered")
    await site.stop()
    await site.tell("t2", "t3")
    await site.start()
    messages = await receiver.wait_for(3)
    assert {one.said["event"]["task_id"] for one in messages} == {"t1", "t2", "t3"}


async def test_with_another_outbox_it_goes_on_with_what_happens_from_now_on(site: Site, receiver: Receiver) -> None:
    await site.start()
    await site.add(receiver.url)
    await site.tell("t1")
    await receiver.wait_for(1)
    await site.stop()
    (site.folder / "outbox.db").unlink()
    await site.tell("t2")
    await site.start()
    await site.tell("t3")
    messages = await receiver.wait_for(2)
    assert [one.said["event"]["task_id"] for one in messages] == ["t1", "t3"]


async def test_a_webhook_whose_secret_was_lost_says_so_and_sends_nothing(site: Site, receiver: Receiver) -> None:
    await site.start()
    webhook_id = await site.add(receiver.url)
    site.vault.delete(WORKSPACE, webhook_secret_name(webhook_id))
    await site.tell("t1")
    failed = await site.delivery(webhook_id, lambda one: one.attempts >= 1)
    assert "make it anew" in failed.error
    assert receiver.received == []


async def test_a_server_that_is_down_gets_it_when_it_is_back(site: Site, receiver: Receiver) -> None:
    await receiver.stop()
    await site.start()
    webhook_id = await site.add(receiver.url)
    await site.tell("t1")
    failed = await site.delivery(webhook_id, lambda one: one.attempts >= 2)
    assert failed.state == "pending" and failed.status is None and "Connect" in failed.error
    await receiver.start()
    await receiver.wait_for(1)
    assert (await site.delivery(webhook_id, lambda one: one.state == "delivered")).attempts > 2


async def test_a_busy_server_is_left_alone_as_long_as_it_asks_for(site: Site, receiver: Receiver) -> None:
    receiver.answers.extend([answer(429, "Retry-After: 7"), answer(503), answer(500)])
    await site.start()
    webhook_id = await site.add(receiver.url)
    await site.tell("t1")
    await receiver.wait_for(4)
    done = await site.delivery(webhook_id, lambda one: one.state == "delivered")
    assert done.attempts == 4
    assert site.pauses == [(1, 7.0), (2, None), (3, None)]
    assert len({one.headers["vapora-delivery"] for one in receiver.received}) == 1


async def test_after_many_attempts_it_is_a_dead_letter_that_can_be_seen(site: Site, receiver: Receiver) -> None:
    receiver.answers.extend([answer(500)] * rules.MOST_ATTEMPTS)
    await site.start()
    webhook_id = await site.add(receiver.url)
    await site.tell("t1")
    await receiver.wait_for(rules.MOST_ATTEMPTS)
    dead = await site.delivery(webhook_id, lambda one: one.state == "dead")
    assert (dead.attempts, dead.status) == (rules.MOST_ATTEMPTS, 500)
    assert "500" in dead.error and dead.next_at is None
    assert site.hooks is not None
    assert (await site.hooks.deliveries(webhook_id, "dead", None, 10)).items == (dead,)
    assert (await site.hooks.deliveries(webhook_id, "delivered", None, 10)).items == ()


async def test_a_slow_server_keeps_nobody_else(site: Site, receiver: Receiver) -> None:
    slow = Receiver(answers=deque([None] * 40))
    await slow.start()
    await site.start(timeout_s=30)
    await site.add(slow.url)
    await site.add(receiver.url)
    tasks = [f"t{number}" for number in range(30)]
    await site.tell(*tasks)
    messages = await receiver.wait_for(30)
    assert {one.said["event"]["task_id"] for one in messages} == set(tasks)
    assert len(slow.received) <= 4
    await site.stop()
    await slow.stop()


async def test_an_answer_that_does_not_come_in_time_is_a_failed_attempt(site: Site, receiver: Receiver) -> None:
    receiver.answers.append(None)
    await site.start(timeout_s=0.2)
    webhook_id = await site.add(receiver.url)
    await site.tell("t1")
    await receiver.wait_for(2)
    assert (await site.delivery(webhook_id, lambda one: one.state == "delivered")).attempts == 2


async def test_a_redirect_to_an_address_inside_is_not_followed(site: Site, receiver: Receiver) -> None:
    inside = Receiver()
    await inside.start()
    receiver.answers.append(answer(307, f"Location: {inside.url}"))
    await site.start()
    webhook_id = await site.add(receiver.url)
    await site.tell("t1")
    failed = await site.delivery(webhook_id, lambda one: one.attempts >= 1)
    done = await site.delivery(webhook_id, lambda one: one.state == "delivered")
    assert "redirect" in failed.error or done.attempts == 2
    assert inside.received == []
    await inside.stop()


async def test_an_address_inside_is_never_connected_to(site: Site, receiver: Receiver) -> None:
    site.allowed = ()
    hooks = await site.start()
    with pytest.raises(BadInputError, match="inside of a network"):
        await hooks.check(receiver.url.replace("http:", "https:"))
    webhook_id = await site.add(receiver.url)
    await site.tell("t1")
    refused = await site.delivery(webhook_id, lambda one: one.attempts >= 1)
    assert "refused: 127.0.0.1" in refused.error
    assert receiver.received == []


async def test_a_name_that_leads_elsewhere_the_second_time_leads_to_what_was_checked(
    site: Site, receiver: Receiver
) -> None:
    trap = Receiver()
    await trap.start()
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    await site.start(resolve=rebinding)
    webhook_id = await site.add(f"http://hooks.example:{receiver.port}/hooks")
    await site.tell("t1")
    [message] = await receiver.wait_for(1)
    assert message.headers["host"] == f"hooks.example:{receiver.port}"
    await site.delivery(webhook_id, lambda one: one.state == "delivered")
    # One look-up for the message: the connection went to the address that was checked.
    assert asked == ["hooks.example"]
    await trap.stop()


async def test_a_name_with_one_address_inside_is_refused_whole(site: Site) -> None:
    async def both(host: str, port: int) -> list[str]:
        return ["93.184.215.14", "10.0.0.1"]

    hooks = await site.start(resolve=both)
    with pytest.raises(BadInputError, match=r"10\.0\.0\.1"):
        await hooks.check("https://hooks.example/")


async def test_plain_http_goes_to_allowed_networks_alone(site: Site) -> None:
    async def public(host: str, port: int) -> list[str]:
        return ["93.184.215.14"]

    hooks = await site.start(resolve=public)
    with pytest.raises(BadInputError, match="not https"):
        await hooks.check("http://hooks.example/")
    await hooks.check("https://hooks.example/")


async def test_its_cell_may_sleep_until_something_is_to_be_sent_again(site: Site, receiver: Receiver) -> None:
    hooks = await site.start()
    await site.settled()
    assert await hooks.rest() == Rest()
    receiver.answers.append(None)
    webhook_id = await site.add(receiver.url)
    await site.tell("t1")
    await receiver.wait_for(1)
    assert "on their way" in (await hooks.rest()).busy
    await site.stop()
    site.pause = 3_600
    receiver.answers.append(answer(503))
    hooks = await site.start()
    waits = await site.delivery(webhook_id, lambda one: one.attempts == 1)
    rest = await site.settled()
    assert rest.busy == "" and rest.due == waits.next_at


async def test_a_sample_is_sent_once_and_recorded(site: Site, receiver: Receiver) -> None:
    receiver.answers.append(answer(404))
    hooks = await site.start()
    webhook_id = await site.add(receiver.url)
    key = RequestKey("user:local", "POST /x", "k", b"")
    first = await hooks.test(ORIGIN, webhook_id, key)
    assert (first.delivered, first.status, first.error) == (False, 404, "it answered with 404")
    assert await hooks.test(ORIGIN, webhook_id, key) == first
    assert len(receiver.received) == 1
    assert (await hooks.test(ORIGIN, webhook_id)).delivered
    assert receiver.received[0].headers["vapora-topic"] == "webhook.sample"


async def test_a_webhook_that_is_removed_takes_its_secret_and_its_messages_with_it(
    site: Site, receiver: Receiver
) -> None:
    await receiver.stop()
    hooks = await site.start()
    webhook_id = await site.add(receiver.url)
    await site.tell("t1")
    await site.delivery(webhook_id, lambda one: one.attempts >= 1)
    assert site.secret(webhook_id) == await hooks.secret(webhook_id)
    assert stat.S_IMODE((site.folder / "outbox.db").stat().st_mode) == 0o600
    accepted = await Dispatcher(site.log, now).dispatch(ORIGIN, RemoveWebhook(), webhook_id)
    async with asyncio.timeout(DEADLINE_S):
        while site.secret(webhook_id) is not None or (await hooks.health())["position"] < accepted.position:
            await asyncio.sleep(0)
    assert (await hooks.deliveries(webhook_id, None, None, 10)).items == ()


async def test_secrets_that_stood_in_files_are_taken_over_and_the_files_are_gone(
    site: Site, receiver: Receiver
) -> None:
    webhook_id = await site.add(receiver.url)
    file = site.folder / "secrets" / webhook_id
    durable.write(file, b"whsec_of-old")
    # One that a crash has left in both places: what the vault has stays.
    durable.write(file.with_name("webhook-other"), b"whsec_older")
    site.vault.put(WORKSPACE, webhook_secret_name("webhook-other"), SecretStr("whsec_newer"))
    hooks = await site.start()
    assert not file.parent.exists()
    assert site.secret("webhook-other") == "whsec_newer"
    assert await hooks.secret(webhook_id) == site.secret(webhook_id) == "whsec_of-old"
    await hooks.test(ORIGIN, webhook_id)
    [message] = await receiver.wait_for(1)
    at, _, given = message.headers["vapora-signature"].removeprefix("t=").partition(",v1=")
    assert given == hmac.new(b"whsec_of-old", at.encode() + b"." + message.body, sha256).hexdigest()
    written = [path.read_bytes() for path in site.folder.rglob("*") if path.is_file()]
    assert not [one for one in written if b"whsec_of-old" in one]
    # Each has a version and a use, in the trail of the workspace.
    told = await site.log.read(secret_stream(webhook_secret_name(webhook_id)))
    assert [(one.topic, one.actor) for one in told] == [("secret.stored", "webhooks"), ("secret.used", "webhooks")]


async def test_while_the_vault_cannot_be_opened_messages_wait(site: Site, receiver: Receiver) -> None:
    await site.start()
    webhook_id = await site.add(receiver.url)
    key = site.folder / "vault_key"
    right = key.read_bytes()
    durable.write(key, b"A" * 43)
    await site.stop()
    await site.start()
    await site.tell("t1")
    failed = await site.delivery(webhook_id, lambda one: one.attempts >= 1)
    assert failed.state == "pending" and "cannot be read" in failed.error
    durable.write(key, right)
    await site.stop()
    await site.start()
    await receiver.wait_for(1)


async def test_no_secret_stands_in_the_log(site: Site, receiver: Receiver) -> None:
    hooks = await site.start()
    webhook_id = await site.add(receiver.url)
    secret = await hooks.secret(webhook_id)
    await hooks.test(ORIGIN, webhook_id)
    polled = await site.log.poll(0, timeout_s=0)
    assert all(secret not in json.dumps(one.event.as_json()) for one in polled.events)


def test_more_than_can_wait_is_given_up_at_once_and_the_newest_of_what_is_over_stays(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    hook = rules.Webhook("w", "https://example.com/", ("*",))
    outbox.take(1, [], [hook], NOON)
    found = [("w", position, "task.done") for position in range(2, 10_004)]
    outbox.take(10_003, found, [], NOON)
    [dead, *_] = outbox.deliveries("w", None, None, 3)
    assert (dead.state, dead.attempts) == ("dead", 0) and "waiting already" in dead.error
    assert outbox.waiting() == 10_000
    assert len(outbox.due(NOON, 8)) == 8
    outbox.close()
    again = Outbox(tmp_path / "outbox.db")
    assert (again.position, again.hooks()) == (10_003, (hook,))
    again.close()
