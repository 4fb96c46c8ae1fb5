"""The owner of the people log: what it decides stands, and a crash between its two stores harms nobody."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from actors.identity import Identity
from actors.identity.accounts import Accounts
from actors.identity.session_tokens import SessionTimes
from actors.log_writer import LogWriter
from events.identity import LogInRefused, PasswordChanged, SessionEnded, SessionRefreshed, UserRegistered
from events.ids import PEOPLE, MemberRole
from tests.actors.kit import Line, MovableClock, of_kind
from tests.waiting import DEADLINE_S
from vapora.commands import (
    AcceptInvitation,
    AddMember,
    ChangePassword,
    CreateTeam,
    CreateWorkspace,
    EditWorkspace,
    EraseUser,
    Invite,
    IssueToken,
    LogIn,
    LogOut,
    RefreshSession,
    ResetPassword,
    SetUp,
)
from vapora.errors import (
    ConflictError,
    KeyReusedError,
    NotFoundError,
    ThrottledError,
    UnauthenticatedError,
    UnavailableError,
)
from vapora.identity import FirstOwner, setup_token
from vapora.identity.store import open_store
from vapora.log.client import LogClient
from vapora.log.memory import MemoryLog
from vapora.ports import Origin, RequestKey
from vapora.settings import Settings
from vapora.views import SessionTokens

ORIGIN = Origin(PEOPLE, "operator", "cor-1")
EMAIL = "ada@example.com"
PASSWORD = SecretStr("correct horse battery")
NEXT = SecretStr("another good password")


class FakeCells:
    """Cells that are made as they are asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def create(self, workspace: str) -> None:
        self.asked.append(f"create {workspace}")

    async def archive(self, workspace: str) -> None:
        self.asked.append(f"archive {workspace}")

    async def restore(self, workspace: str) -> None:
        self.asked.append(f"restore {workspace}")

    async def delete(self, workspace: str) -> str:
        self.asked.append(f"delete {workspace}")
        return f"exports/{workspace}.jsonl.gz"


@dataclass
class Site:
    """The people log and the store outlive the actor; `line` is its way to the log."""

    folder: Path
    line: Line
    log: LogClient
    clock: MovableClock
    cells: FakeCells

    @asynccontextmanager
    async def running(self, owner: FirstOwner | None = None) -> AsyncIterator[Identity]:
        identity = self.build(owner)
        await identity.start()
        yield identity
        await identity.stop()

    def build(self, owner: FirstOwner | None = None) -> Identity:
        settings = Settings(data=self.folder)
        log = LogClient(self.line, PEOPLE)
        return Identity(
            log,
            settings.people_folder,
            Accounts(lambda: open_store(settings), log),
            self.cells,
            self.clock,
            SessionTimes(900, timedelta(days=7)),
            owner,
        )

    @property
    def people(self) -> Path:
        return Settings(data=self.folder).people_folder


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    clock = MovableClock()
    memory = MemoryLog(PEOPLE, clock)
    writer = LogWriter(lambda: memory)
    await writer.start()
    yield Site(tmp_path, Line(writer), LogClient(writer, PEOPLE), clock, FakeCells())
    await writer.stop()


async def set_up(site: Site, identity: Identity) -> SessionTokens:
    token = setup_token.read(site.people)
    assert token is not None
    return await identity.set_up(ORIGIN, SetUp(token=SecretStr(token), email=EMAIL, name="Ada", password=PASSWORD))


def log_in(password: SecretStr = PASSWORD, email: str = EMAIL) -> LogIn:
    return LogIn(email=email, password=password)


def refresh(tokens: SessionTokens) -> RefreshSession:
    return RefreshSession(refresh_token=SecretStr(tokens.refresh_token))


async def test_a_refresh_token_that_comes_again_later_ends_its_session_and_the_log_says_so(site: Site) -> None:
    async with site.running() as identity:
        await set_up(site, identity)
        stolen = await identity.log_in(ORIGIN, log_in())
        mine = await identity.refresh(ORIGIN, refresh(stolen))
        site.clock.move(11)
        with pytest.raises(UnauthenticatedError):
            await identity.refresh(ORIGIN, refresh(stolen))
        with pytest.raises(UnauthenticatedError):
            await identity.refresh(ORIGIN, refresh(mine))
        assert [one.reason for one in await of_kind(site.log, SessionEnded)] == ["reuse"]
        assert len(identity.directory.sessions) == 1


async def test_an_answer_that_was_lost_on_its_way_is_asked_for_again(site: Site) -> None:
    async with site.running() as identity:
        tokens = await set_up(site, identity)
        site.line.cut.append("after")
        with pytest.raises(UnavailableError):
            await identity.refresh(ORIGIN, refresh(tokens))
        again = await identity.refresh(ORIGIN, refresh(tokens))
        assert [one.grace for one in await of_kind(site.log, SessionRefreshed)] == [False, True]
        assert await identity.refresh(ORIGIN, refresh(again))


async def test_sessions_and_keys_outlive_a_restart_of_the_actor(site: Site) -> None:
    async with site.running() as identity:
        tokens = await set_up(site, identity)
        keys = await identity.verifying_keys()
    async with site.running() as identity:
        assert await identity.verifying_keys() == keys
        assert await identity.refresh(ORIGIN, refresh(tokens))
        assert not (site.people / setup_token.NAME).exists()


async def test_an_account_whose_event_was_never_written_is_none_and_keeps_nothing_from_the_next_try(
    site: Site,
) -> None:
    identity = site.build()
    await identity.start()
    site.line.cut.append("before")
    with pytest.raises(UnavailableError):
        await set_up(site, identity)
    with pytest.raises(UnauthenticatedError):
        await identity.log_in(ORIGIN, log_in())
    assert await identity.people() == []
    await identity.stop()
    async with site.running() as again:
        assert open_store(Settings(data=site.folder)).people() == []
        await set_up(site, again)
        assert [one.email for one in await again.people()] == [EMAIL]
        assert len(await of_kind(site.log, UserRegistered)) == 1


async def test_an_account_whose_event_stands_is_there_though_nobody_was_answered(site: Site) -> None:
    identity = site.build()
    await identity.start()
    site.line.cut.append("after")
    with pytest.raises(UnavailableError):
        await set_up(site, identity)
    await identity.stop()
    async with site.running() as again:
        assert await again.log_in(ORIGIN, log_in())


@pytest.mark.parametrize(("cut", "holds"), [("before", PASSWORD), ("after", NEXT)])
async def test_a_new_password_holds_exactly_if_its_event_stands(site: Site, cut: str, holds: SecretStr) -> None:
    identity = site.build()
    await identity.start()
    await set_up(site, identity)
    [user] = identity.directory.users
    [session] = identity.directory.sessions
    site.line.cut.append(cut)
    with pytest.raises(UnavailableError):
        await identity.change_password(ORIGIN, user, session, ChangePassword(current=PASSWORD, password=NEXT))
    await identity.stop()
    async with site.running() as again:
        assert await again.log_in(ORIGIN, log_in(holds))
        with pytest.raises(UnauthenticatedError):
            await again.log_in(ORIGIN, log_in(NEXT if holds is PASSWORD else PASSWORD))
        assert len(await of_kind(site.log, PasswordChanged)) == (1 if cut == "after" else 0)


async def test_a_password_that_was_never_decided_on_is_not_taken_for_a_later_change(site: Site) -> None:
    """The next event of the person is another one."""
    async with site.running() as identity:
        await set_up(site, identity)
        [user] = identity.directory.users
        site.line.cut.append("before")
        with pytest.raises(UnavailableError):
            await identity.carry_out(ORIGIN, ResetPassword(password=NEXT), user)
        await identity.carry_out(ORIGIN, ResetPassword(password=SecretStr("a third good password")), user)
        assert await identity.log_in(ORIGIN, log_in(SecretStr("a third good password")))
        with pytest.raises(UnauthenticatedError):
            await identity.log_in(ORIGIN, log_in(NEXT))


async def test_what_is_known_of_an_erased_person_goes_at_the_latest_with_the_next_start(site: Site) -> None:
    identity = site.build()
    await identity.start()
    await set_up(site, identity)
    invited = await identity.invite(ORIGIN, Invite(email="eve@example.com"), "default")
    accepted = AcceptInvitation(token=SecretStr(invited.token), name="Eve", password=PASSWORD)
    await identity.accept(ORIGIN, None, accepted)
    [eve] = [one.user_id for one in await identity.people() if one.name == "Eve"]
    site.line.cut.append("after")
    with pytest.raises(UnavailableError):
        await identity.carry_out(ORIGIN, EraseUser(), eve)
    await identity.stop()
    async with site.running() as again:
        assert [one.name for one in await again.people()] == ["Ada"]
        assert b"Eve" not in (site.people / "people.db").read_bytes()


async def test_failures_are_counted_over_all_who_ask_and_told_by_their_number(site: Site) -> None:
    async with site.running() as identity:
        await set_up(site, identity)
        attempts = [identity.log_in(ORIGIN, log_in(SecretStr(f"guess {n}")), "10.0.0.1") for n in range(30)]
        outcomes = [type(one) for one in await asyncio.gather(*attempts, return_exceptions=True)]
        assert outcomes.count(UnauthenticatedError) == 5
        assert outcomes.count(ThrottledError) == 25
        # The right password waits too, or a guess could tell.
        with pytest.raises(ThrottledError) as throttled:
            await identity.log_in(ORIGIN, log_in(), "10.0.0.1")
        assert throttled.value.details["retry_after_s"] >= 1
        # From elsewhere the person gets in all the same.
        assert await identity.log_in(ORIGIN, log_in(), "10.0.0.2")
        assert [one.count for one in await of_kind(site.log, LogInRefused)] == [1, 1]
        site.clock.move(61)
        with pytest.raises(UnauthenticatedError):
            await identity.log_in(ORIGIN, log_in(SecretStr("wrong")), "10.0.0.1")
        counts = sorted((one.why, one.count) for one in await of_kind(site.log, LogInRefused))
        assert counts == [("password", 1), ("password", 5), ("throttled", 1)]


async def test_failures_count_past_a_restart_and_no_file_says_whose_they_are(site: Site) -> None:
    async with site.running() as identity:
        await set_up(site, identity)
        for n in range(5):
            with pytest.raises(UnauthenticatedError):
                await identity.log_in(ORIGIN, log_in(SecretStr(f"guess {n}")), "10.77.0.1")
        with pytest.raises(ThrottledError):
            await identity.log_in(ORIGIN, log_in(), "10.77.0.1")
    async with site.running() as again:
        with pytest.raises(ThrottledError):
            await again.log_in(ORIGIN, log_in(), "10.77.0.1")
        site.clock.move(2)
        assert await again.log_in(ORIGIN, log_in(), "10.77.0.1")
    file = site.people / "attempts.json"
    assert file.stat().st_mode & 0o077 == 0
    assert EMAIL not in file.read_text() and "10.77" not in file.read_text()
    # What was proved in between is forgotten there, too.
    async with site.running() as third:
        assert await third.log_in(ORIGIN, log_in(), "10.77.0.1")
    file.write_text("{")
    async with site.running() as fourth:
        assert await fourth.log_in(ORIGIN, log_in(), "10.77.0.1")


async def test_counts_are_saved_within_a_second_or_so_without_anybody_stopping_it(site: Site) -> None:
    file = site.people / "attempts.json"
    async with site.running() as identity:
        await set_up(site, identity)
        with pytest.raises(UnauthenticatedError):
            await identity.log_in(ORIGIN, log_in(SecretStr("a wrong guess")), "10.77.0.1")
        async with asyncio.timeout(DEADLINE_S):
            while not file.exists():
                await asyncio.sleep(0.05)
        assert len(json.loads(file.read_text())["counts"]) == 3


async def test_the_same_key_takes_effect_once_and_a_secret_is_shown_once(site: Site) -> None:
    async with site.running() as identity:
        await set_up(site, identity)
        key = RequestKey(user="operator", route="POST /teams", key="k", body=b"{}")
        made = await identity.carry_out(ORIGIN, CreateTeam(name="Backend"), "", "default", key)
        assert await identity.carry_out(ORIGIN, CreateTeam(name="Backend"), "", "default", key) == made
        with pytest.raises(KeyReusedError):
            other = RequestKey(user="operator", route="POST /teams", key="k", body=b"other")
            await identity.carry_out(ORIGIN, CreateTeam(name="Frontend"), "", "default", other)
        issue = IssueToken(name="ci", scopes=("workspace:default",))
        key = RequestKey(user="operator", route="POST /tokens", key="k", body=b"{}")
        token = await identity.issue_token(ORIGIN, issue, "default", key)
        with pytest.raises(ConflictError, match=token.id):
            await identity.issue_token(ORIGIN, issue, "default", key)
        assert list(identity.directory.tokens) == [token.id]


async def test_a_workspace_is_made_with_its_cell_and_once(site: Site) -> None:
    async with site.running() as identity:
        await set_up(site, identity)
        [user] = identity.directory.users
        by = Origin(PEOPLE, f"user:{user}", "cor-2")
        key = RequestKey(user=by.actor, route="POST /workspaces", key="k", body=b"{}")
        made = await identity.carry_out(by, CreateWorkspace(name="Acme Corp"), key=key)
        assert made.id == "acme-corp"
        assert await identity.carry_out(by, CreateWorkspace(name="Acme Corp"), key=key) == made
        assert identity.directory.role(user, "acme-corp") is MemberRole.OWNER
        await identity.carry_out(by, EditWorkspace(archived=True), "", "acme-corp")
        await identity.carry_out(by, EditWorkspace(archived=False, name="Acme"), "", "acme-corp")
        assert site.cells.asked == ["create acme-corp", "archive acme-corp", "restore acme-corp"]
        with pytest.raises(NotFoundError):
            await identity.carry_out(by, AddMember(user_id=user, role=MemberRole.VIEWER), "", "nowhere")


async def test_an_invited_person_makes_an_account_once_or_comes_in_with_theirs(site: Site) -> None:
    async with site.running() as identity:
        await set_up(site, identity)
        [ada] = identity.directory.users
        first = await identity.invite(ORIGIN, Invite(email="Bob@example.com", role=MemberRole.VIEWER), "default")
        assert await identity.invited([first.id]) == {first.id: "bob@example.com"}
        accept = AcceptInvitation(token=SecretStr(first.token), name="Bob", password=PASSWORD)
        assert await identity.accept(ORIGIN, None, accept) is not None
        with pytest.raises(UnauthenticatedError):
            await identity.accept(ORIGIN, None, accept)
        assert await identity.invited([first.id]) == {}
        again = await identity.invite(ORIGIN, Invite(email="bob@example.com"), "default")
        with pytest.raises(ConflictError, match="account with this address"):
            await identity.accept(ORIGIN, None, AcceptInvitation(token=SecretStr(again.token), name="B", password=NEXT))
        [bob] = [one for one in identity.directory.users if one != ada]
        assert await identity.accept(ORIGIN, bob, AcceptInvitation(token=SecretStr(again.token))) is None
        assert identity.directory.role(bob, "default") is MemberRole.MEMBER


async def test_the_owner_of_the_settings_is_made_once_and_signing_out_everywhere_ends_all(site: Site) -> None:
    owner = FirstOwner(EMAIL, PASSWORD)
    for _ in range(2):
        async with site.running(owner) as identity:
            tokens = await identity.log_in(ORIGIN, log_in())
            assert len(identity.directory.users) == 1
    async with site.running(owner) as identity:
        assert len(identity.directory.sessions) == 2
        await identity.log_out(ORIGIN, LogOut(refresh_token=SecretStr(tokens.refresh_token), everywhere=True))
        assert identity.directory.sessions == {}
