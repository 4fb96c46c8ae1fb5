"""Channels against real servers on this machine: told once at least, tried again, given up, sent again; nothing leaks,
and no work waits for them."""

from __future__ import annotations

import asyncio
import hmac
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import ip_network
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from actors.log_writer import LogWriter
from actors.secrets import SecretReader
from actors.webhooks import Mailer, Outbox, Sender, Teller, VaultSecrets, Webhooks
from events.channel import ChannelTested
from events.ids import task_stream
from events.task import TaskCompleted, TaskFailed
from tests.actors.kit import ORIGIN, WORKSPACE, everything, log_writer, of_kind
from tests.receiver import Receiver, answer
from tests.repo.https_site import certificate
from tests.vault.bench import over_files, secret
from tests.waiting import DEADLINE_S
from vapora.clock import Clock, now
from vapora.commands import CreateProject, MailSettings, RemoveChannel, ResendDeliveries, SetChannel, SubmitTask
from vapora.dispatch import Dispatcher
from vapora.dispatch.secrets import SecretEvents, SecretStore
from vapora.domain import channel as rules
from vapora.domain.cell import Rest
from vapora.errors import BadInputError
from vapora.log.client import LogClient
from vapora.ports import RequestKey
from vapora.settings import Network
from vapora.views import ChannelDelivery, DeliveryState

LOOPBACK = (ip_network("127.0.0.0/8"),)
TOKEN = "canary5f1c9e"
PASSWORD = "swordfish-canary"


@dataclass
class Site:
    """A workspace's log with its channels, and a vault."""

    writer: LogWriter
    folder: Path
    allowed: Sequence[Network] = LOOPBACK
    context: ssl.SSLContext | None = None
    outbox: Webhooks | None = None
    pause: float = 0.01
    clock: Clock = now
    asked: list[float | None] = field(default_factory=list)
    project: str = ""

    @property
    def log(self) -> LogClient:
        return LogClient(self.writer, WORKSPACE)

    @property
    def hooks(self) -> Webhooks:
        assert self.outbox is not None
        return self.outbox

    async def start(self, timeout_s: float = 5) -> None:
        self.vault = over_files(self.folder)
        events = SecretEvents(self.log, now)
        sender = Sender(self.allowed, now, timeout_s=timeout_s)
        signing = SecretReader(over_files(self.folder), lambda _: events, "webhooks", now)
        store = SecretStore(WORKSPACE, self.vault, events)

        def pause_s(attempts: int, luck: float, asked_for_s: float | None) -> float:
            self.asked.append(asked_for_s)
            return max(self.pause, asked_for_s or 0)

        self.outbox = Webhooks(
            self.log,
            WORKSPACE,
            self.clock,
            open_outbox=lambda: Outbox(self.folder / "outbox.db"),
            secrets=VaultSecrets(WORKSPACE, signing, store, self.folder / "secrets"),
            sender=sender,
            teller=Teller(
                self.log,
                WORKSPACE,
                now,
                sender=sender,
                mailer=Mailer(sender.reach, now, context=self.context, timeout_s=timeout_s),
                secrets=SecretReader(self.vault, lambda _: events, "notifications", now),
                public_url="https://board.example.com/",
            ),
            pause_s=pause_s,
        )
        await self.outbox.start()

    async def stop(self) -> None:
        if self.outbox is not None:
            await self.outbox.stop()
            self.outbox = None

    async def store(self, name: str, value: str) -> None:
        await asyncio.to_thread(self.vault.put, WORKSPACE, name, secret(value))

    async def set(self, channel_id: str, **fields: Any) -> None:
        command = SetChannel(**{"notices": ["task-failed", "task-done"], "secret": f"channel-{channel_id}", **fields})
        await Dispatcher(self.log, now).dispatch(ORIGIN, command, channel_id)

    async def slack(self, receiver: Receiver, channel_id: str = "ops", **fields: Any) -> None:
        await self.set(channel_id, kind="slack", **fields)
        await self.store(f"channel-{channel_id}", f"http://127.0.0.1:{receiver.port}/services/{TOKEN}")

    async def fail(self, title: str = "Log in", reason: str = "it broke") -> str:
        dispatcher = Dispatcher(self.log, now)
        self.project = self.project or (await dispatcher.dispatch(ORIGIN, CreateProject(name="All"))).id
        task = (await dispatcher.dispatch(ORIGIN, SubmitTask(project_id=self.project, title=title))).id
        version = len(await self.log.read(task_stream(task)))
        event = TaskFailed(task_id=task, run_id=f"{task}.1", reason=reason)
        await self.log.append(ORIGIN, (task_stream(task), version, (event,)))
        return task

    async def settled(self) -> Rest:
        """Once nothing is on its way."""
        async with asyncio.timeout(DEADLINE_S):
            while (rest := await self.hooks.rest()).busy:
                await asyncio.sleep(0)
        return rest

    async def deliveries(self, channel_id: str = "ops", state: DeliveryState | None = None) -> list[ChannelDelivery]:
        return list((await self.hooks.channel_deliveries(channel_id, state, None, 100)).items)

    async def until(self, state: DeliveryState, count: int = 1, channel_id: str = "ops") -> list[ChannelDelivery]:
        async with asyncio.timeout(DEADLINE_S):
            while len(found := await self.deliveries(channel_id, state)) < count:
                await asyncio.sleep(0.005)
        return found

    async def nothing_leaks(self, *canaries: str) -> None:
        """In no event, and in no file but the vault's, which is encrypted."""
        said = "".join(str(one.event) for one in await everything(self.log))
        said += "".join(str(one) for one in await self.deliveries())
        await self.stop()
        stored = [path.read_bytes() for path in self.folder.rglob("*") if path.is_file()]
        for canary in canaries:
            assert canary not in said
            assert not any(canary.encode() in one for one in stored)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Site]:
    async with log_writer(now) as writer:
        made = Site(writer, folder)
        yield made
        await made.stop()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with opened(tmp_path) as made:
        await made.start()
        yield made


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    await made.start()
    yield made
    await made.stop()


@dataclass
class MailServer:
    """What came, and what it does: `refuses` takes no recipient, `slow_s` waits before it takes a mail."""

    mails: list[Envelope] = field(default_factory=list)
    log_ins: list[LoginPassword] = field(default_factory=list)
    refuses: bool = False
    waits: asyncio.Event | None = None
    port: int = 0

    async def handle_RCPT(  # as the library calls it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.refuses:
            return "550 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.waits is not None:
            await self.waits.wait()
        self.mails.append(envelope)
        return "250 taken"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        self.log_ins.append(data)
        return AuthResult(success=data.password == PASSWORD.encode(), handled=False)


@asynccontextmanager
async def mail_server(folder: Path | None = None) -> AsyncIterator[MailServer]:
    """With `folder`: it speaks TLS, and wants to be signed in to."""
    made, more = MailServer(), dict[str, Any]()
    if folder is not None:
        pem, key = certificate(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem, key)
        more = {"tls_context": context, "require_starttls": True, "auth_required": True}
        more["authenticator"] = made.authenticate
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(made, **more), "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()


MAIL = {
    "host": "127.0.0.1",
    "security": "none",
    "sender": "vapora@example.com",
    "to": ["ops@example.com", "b@example.com"],
}


async def test_a_failed_card_is_told_in_the_form_of_each_kind(site: Site, receiver: Receiver) -> None:
    await site.slack(receiver, "s")
    await site.set("d", kind="discord")
    await site.store("channel-d", f"http://127.0.0.1:{receiver.port}/api/webhooks/1/{TOKEN}")
    await site.set("t", kind="telegram", chat_id="-100", url=f"http://127.0.0.1:{receiver.port}")
    await site.store("channel-t", f"123:{TOKEN}")
    await site.set("w", kind="webhook", url=receiver.url)
    await site.store("channel-w", TOKEN)
    task = await site.fail("Log <in> & out")
    came = {one.path.split("/")[1]: one for one in await receiver.wait_for(4)}
    text = f"Failed: Log <in> & out. it broke\nhttps://board.example.com/t/{task}?w={WORKSPACE}"
    assert came["services"].said["text"] == text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert came["api"].said["content"] == text and came["api"].said["allowed_mentions"] == {"parse": []}
    telegram = came[f"bot123:{TOKEN}"]
    assert telegram.path.endswith("/sendMessage")
    assert telegram.said["chat_id"] == "-100" and telegram.said["text"] == text
    plain = came["hooks"]
    assert plain.said["notice"] == "task-failed" and plain.said["facts"]["task_title"] == "Log <in> & out"
    at, _, signed = plain.headers["vapora-signature"].removeprefix("t=").partition(",v1=")
    assert signed == hmac.new(TOKEN.encode(), f"{at}.".encode() + plain.body, sha256).hexdigest()
    for one in "sdtw":
        await site.until("delivered", 1, one)
    await site.nothing_leaks(TOKEN)


async def test_it_is_told_only_what_it_asked_for_and_in_its_own_words(site: Site, receiver: Receiver) -> None:
    await site.slack(receiver, notices=["task-failed"], templates={"task-failed": "$task_title: $reason"})
    for number in range(3):
        done = TaskCompleted(task_id=f"t{number}", run_id="r")
        await site.log.append(ORIGIN, (task_stream(f"t{number}"), 0, (done,)))
    await site.fail("Log in", "no key")
    assert (await receiver.wait_for(1))[0].said["text"] == "Log in: no key"
    await site.settled()
    assert len(receiver.received) == 1


async def test_a_server_that_is_down_is_tried_again_and_work_waits_for_nothing(site: Site, receiver: Receiver) -> None:
    await site.slack(receiver)
    await receiver.stop()
    site.pause = 0.05
    begun = perf_counter()
    for _ in range(5):
        await site.fail()
    assert perf_counter() - begun < 60
    async with asyncio.timeout(DEADLINE_S):
        while not all(one.attempts >= 1 for one in await site.deliveries()) or len(await site.deliveries()) < 5:
            await asyncio.sleep(0.01)
    assert all(TOKEN not in one.error and one.error for one in await site.deliveries())
    await receiver.start()
    await receiver.wait_for(5)
    await site.until("delivered", 5)


async def test_a_slow_server_delays_no_other_and_no_work(tmp_path: Path, receiver: Receiver) -> None:
    async with opened(tmp_path) as site:
        await site.start(timeout_s=1)
        site.pause = 60
        slow = Receiver()
        slow.answers.extend([None] * 50)
        await slow.start()
        await site.slack(slow, "slow")
        await site.slack(receiver, "quick")
        for _ in range(10):
            await site.fail()
        await receiver.wait_for(10)
        late = await site.until("pending", 10, "slow")
        async with asyncio.timeout(DEADLINE_S):
            while not any("no answer within 1 s" in one.error for one in late):
                late = await site.deliveries("slow")
        await slow.stop()


def slow_down(body: bytes) -> bytes:
    return b"HTTP/1.1 429 Slow\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


@pytest.mark.parametrize(
    "refusal",
    [
        answer(429, "Retry-After: 2"),
        slow_down(b'{"ok":false,"error_code":429,"parameters":{"retry_after": 2}}'),
        slow_down(b'{"retry_after": 2.0}'),
    ],
)
async def test_who_asks_to_be_left_alone_is_and_for_all_of_it(site: Site, receiver: Receiver, refusal: bytes) -> None:
    await site.slack(receiver)
    receiver.answers.append(refusal)
    began = now()
    for _ in range(3):
        await site.fail()
        if len(receiver.received) == 0:
            await receiver.wait_for(1)
            async with asyncio.timeout(DEADLINE_S):
                while not site.asked:
                    await asyncio.sleep(0.005)
    assert site.asked == [2.0]
    await site.until("delivered", 3)
    waited = [one for one in await site.deliveries() if one.attempts == 2]
    assert len(waited) == 1 and waited[0].updated_at - began >= timedelta(seconds=2)


async def test_what_waits_already_waits_with_it(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    at = datetime.fromisoformat("2026-11-27T12:00:00+00:00")
    outbox.take(3, [("channel:a", one, "task.failed") for one in (1, 2, 3)] + [("w", 1, "task.failed")], (), at)
    outbox.hold("channel:a", at + timedelta(minutes=5))
    held = outbox.deliveries("channel:a", None, None, 10) + outbox.deliveries("w", None, None, 10)
    assert [one.next_at for one in held] == [at + timedelta(minutes=5)] * 3 + [at]
    outbox.close()


async def test_a_redirect_to_an_inside_address_is_not_followed(site: Site, receiver: Receiver) -> None:
    inside = Receiver()
    await inside.start()
    await site.slack(receiver)
    receiver.answers.extend([answer(307, f"Location: http://127.0.0.1:{inside.port}/latest/meta-data")] * 20)
    await site.fail()
    (dead,) = await site.until("dead")
    assert "redirect" in dead.error and not inside.received
    await inside.stop()


async def test_what_becomes_due_between_two_looks_at_the_clock_is_sent_at_once(
    tmp_path: Path, receiver: Receiver
) -> None:
    """Each look is 10 ms later: the pause of 25 ms ends between looking what is due and what will be."""
    looks = count()
    async with opened(tmp_path) as site:
        begun = now()
        site.clock, site.pause = (lambda: begun + timedelta(milliseconds=10 * next(looks))), 0.025
        await site.start()
        await site.slack(receiver)
        receiver.answers.extend([answer(500)] * 3)
        await site.fail()
        (sent,) = await site.until("delivered")
        assert sent.attempts == 4


async def test_an_inside_address_is_refused_whatever_names_it(tmp_path: Path, receiver: Receiver) -> None:
    async with opened(tmp_path) as site:
        site.allowed = ()
        await site.start()
        site.pause = 60
        await site.slack(receiver)
        await site.fail()
        async with asyncio.timeout(DEADLINE_S):
            while not (found := await site.deliveries()) or not found[0].error:
                await asyncio.sleep(0.005)
        assert "inside" in found[0].error and not receiver.received
        teller = site.hooks
        with pytest.raises(BadInputError, match="inside"):
            await teller.check_channel(_mail_channel("tls", "localhost"))
        with pytest.raises(BadInputError, match="inside"):
            await teller.check_channel(_mail_channel("none", "169.254.169.254"))
        await site.nothing_leaks(TOKEN)


def _mail_channel(security: str, host: str) -> Any:
    mail = MailSettings.model_validate({**MAIL, "host": host, "security": security})
    (event,) = rules.decide(None, SetChannel(kind="email", notices=("*",), mail=mail), "m")
    return event


async def test_a_dead_letter_can_be_seen_and_sent_again(site: Site, receiver: Receiver) -> None:
    await site.slack(receiver)
    receiver.answers.extend([answer(410)] * 2)
    await site.fail("First")
    await site.until("dead", 1)
    await site.fail("Second")
    second, first = await site.until("dead", 2)
    assert first.status == 410 and first.next_at is None
    dispatcher = Dispatcher(site.log, now)
    await dispatcher.dispatch(ORIGIN, ResendDeliveries(positions=(first.position,)), "ops")
    (sent,) = await site.until("delivered", 1)
    assert sent.position == first.position and receiver.received[-1].said["text"].startswith("Failed: First")
    await dispatcher.dispatch(ORIGIN, ResendDeliveries(), "ops")
    await site.until("delivered", 2)
    assert second.position in {one.position for one in await site.deliveries(state="delivered")}


async def test_without_its_secret_it_waits_and_says_so(site: Site, receiver: Receiver) -> None:
    site.pause = 0.05
    await site.set("ops", kind="slack")
    await site.fail()
    async with asyncio.timeout(DEADLINE_S):
        while not (found := await site.deliveries()) or not found[0].error:
            await asyncio.sleep(0.005)
    assert found[0].error == "there is no secret 'channel-ops' in the vault: store it"
    await site.store("channel-ops", f"http://127.0.0.1:{receiver.port}/x")
    await receiver.wait_for(1)


async def test_what_waits_is_there_after_a_restart_and_a_removed_one_is_told_nothing(
    site: Site, receiver: Receiver
) -> None:
    await site.slack(receiver)
    await receiver.stop()
    site.pause = 0.2
    await site.fail()
    async with asyncio.timeout(DEADLINE_S):
        while not await site.deliveries():
            await asyncio.sleep(0.005)
    await site.stop()
    await site.fail("While it was off")
    await receiver.start()
    await site.start()
    assert len(await receiver.wait_for(2)) == 2
    await site.until("delivered", 2)
    await Dispatcher(site.log, now).dispatch(ORIGIN, RemoveChannel(), "ops")
    await site.fail()
    await site.settled()
    assert len(receiver.received) == 2 and await site.deliveries() == []


async def test_a_sample_is_sent_once_and_recorded_with_what_came_of_it(site: Site, receiver: Receiver) -> None:
    await site.slack(receiver)
    key = RequestKey(user="anna", route="POST /x", key="k", body=b"{}")
    outcome = await site.hooks.test_channel(ORIGIN, "ops", key)
    assert outcome.delivered and outcome.status == 200
    assert await site.hooks.test_channel(ORIGIN, "ops", key) == outcome
    assert len(receiver.received) == 1 and "sample" in receiver.received[0].said["text"]
    await receiver.stop()
    failed = await site.hooks.test_channel(ORIGIN, "ops")
    assert not failed.delivered and failed.error
    tested = await of_kind(site.log, ChannelTested)
    assert [bool(one.error) for one in tested] == [False, True]
    await site.nothing_leaks(TOKEN)


async def test_mail_goes_out_signed_in_over_tls(tmp_path: Path) -> None:
    async with mail_server(tmp_path) as server, opened(tmp_path) as site:
        site.context = ssl.create_default_context(cafile=str(tmp_path / "certificate.pem"))
        await site.start()
        mail = {**MAIL, "host": "localhost", "port": server.port, "security": "starttls", "username": "vapora"}
        await site.set("ops", kind="email", mail=mail)
        await site.store("channel-ops", PASSWORD)
        await site.fail("Zurück\r\nBcc: everybody@example.com")
        await site.until("delivered")
        (envelope,) = server.mails
        assert envelope.rcpt_tos == ["ops@example.com", "b@example.com"]
        content = envelope.content
        assert isinstance(content, bytes)
        assert b"\nBcc:" not in content and b"Auto-Submitted: auto-generated" in content
        assert [one.login for one in server.log_ins] == [b"vapora"]
        await site.nothing_leaks(PASSWORD)


async def test_a_server_whose_certificate_nobody_knows_gets_no_password(tmp_path: Path) -> None:
    async with mail_server(tmp_path) as server, opened(tmp_path) as site:
        await site.start()
        site.pause = 60
        mail = {**MAIL, "host": "localhost", "port": server.port, "security": "starttls", "username": "vapora"}
        await site.set("ops", kind="email", mail=mail)
        await site.store("channel-ops", PASSWORD)
        outcome = await site.hooks.test_channel(ORIGIN, "ops")
        assert not outcome.delivered and "TLS" in outcome.error
        assert not server.mails and not server.log_ins


async def test_a_wrong_password_is_told_without_it(tmp_path: Path) -> None:
    async with mail_server(tmp_path) as server, opened(tmp_path) as site:
        site.context = ssl.create_default_context(cafile=str(tmp_path / "certificate.pem"))
        await site.start()
        mail = {**MAIL, "host": "localhost", "port": server.port, "security": "starttls", "username": "vapora"}
        await site.set("ops", kind="email", mail=mail)
        await site.store("channel-ops", "wrong-canary")
        outcome = await site.hooks.test_channel(ORIGIN, "ops")
        assert outcome.error == "the server took neither username nor password" and outcome.status == 535
        assert not server.mails
        await site.nothing_leaks("wrong-canary")


async def test_mail_that_is_refused_or_slow_is_told_and_tried_again(tmp_path: Path) -> None:
    async with mail_server() as server, opened(tmp_path) as site:
        await site.start(timeout_s=1)
        await site.set("ops", kind="email", secret=None, mail={**MAIL, "port": server.port})
        server.refuses = True
        outcome = await site.hooks.test_channel(ORIGIN, "ops")
        assert outcome.status == 550 and "recipients" in outcome.error
        server.refuses, server.waits = False, asyncio.Event()
        outcome = await site.hooks.test_channel(ORIGIN, "ops")
        assert outcome.error == "no answer within 1 s"
        server.waits.set()
        await site.fail()
        await site.until("delivered")


async def test_plain_mail_to_what_nobody_allowed_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path) as site:
        site.allowed = ()
        await site.start()
        with pytest.raises(BadInputError, match="without TLS"):
            await site.hooks.check_channel(_mail_channel("none", "9.9.9.9"))
