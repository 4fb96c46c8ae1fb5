"""Answers that are no good work, errors in odd forms and bills that nobody knows, from the vendor's wire to the card.

The whole actor system in one process, the real SDKs, and fake vendors.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from actors.composition import LocalActorSystem
from events import DomainEvent, Recorded
from events.budget import SpendReleased, SpendReserved, SpendSettled, SpendUnknown
from events.content import Content
from events.ids import PROVIDERS, Provider, TaskState, WaitReason
from events.run import ArtifactRecorded, ModelCalled, ModelCallFailed, RunFailed, RunSucceeded, RunWaiting
from events.task import TaskCompleted, TaskFailed
from projections.board import card
from projections.costs import costs
from projections.engine.store import StoreReader
from projections.profiles import learning
from projections.runs import runs
from tests.llm.wire_forms import CUT_OFF, EMPTY, NO_USAGE, REFUSED, anthropic, good, ollama, openai
from tests.waiting import DEADLINE_S
from vapora.clock import new_id, now
from vapora.commands import CreateProject, SubmitTask
from vapora.dispatch import Dispatcher
from vapora.log.client import LogClient
from vapora.ports import Origin
from vapora.settings import Settings
from vapora.testing import KEYS, Behaviour, FakeVendors, Fault, Raw, Received
from vapora.testing.soundness import soundness
from vapora.views import Cost, Execution, Learning, TaskCard

Event = TypeVar("Event", bound=DomainEvent)
END = (TaskCompleted, TaskFailed)


@pytest.fixture(scope="module")
def running_vendors() -> Iterator[FakeVendors]:
    with FakeVendors() as fake:
        yield fake


@pytest.fixture
def vendors(running_vendors: FakeVendors) -> FakeVendors:
    running_vendors.reset()
    return running_vendors


@pytest.fixture(params=PROVIDERS, ids=str)
def provider(request: pytest.FixtureRequest) -> Provider:
    chosen: Provider = request.param
    return chosen


class Office:
    """One installation with some vendors configured, and what it says of its only task."""

    def __init__(self, folder: Path, vendors: FakeVendors, *providers: Provider) -> None:
        self.settings = Settings(data=folder, resend_s=0.1)
        self.environ = vendors.environ(*providers)
        self.system = LocalActorSystem(self.settings, self.environ)
        self.task = ""
        self.position = 0

    @property
    def log(self) -> LogClient:
        return LogClient(self.system.log("default"), "default")

    async def hand_in(self, task_type: str = "code-generation", **fields: Any) -> None:
        origin = Origin("default", "user:local", new_id("cor"))
        dispatcher = Dispatcher(self.log, now)
        project = await dispatcher.dispatch(origin, CreateProject(name="Odd answers"))
        values = {"title": "Work", "task_type": task_type, "role": "developer", "review": "none", **fields}
        submit = SubmitTask.model_validate({"project_id": project.id, **values})
        self.task = (await dispatcher.dispatch(origin, submit)).id

    async def until(self, *kinds: type[DomainEvent], timeout_s: float = DEADLINE_S) -> list[Recorded]:
        """What was appended since the last time, with the first event of these kinds; the read models have seen it."""
        events: list[Recorded] = []
        async with asyncio.timeout(timeout_s):
            while not any(isinstance(one.event, kinds) for one in events):
                polled = await self.log.poll(self.position, 1_000, 5)
                events += polled.events
                self.position = polled.position
        await self.system.projector("default").wait_for(self.position, 60)
        return events

    async def everything(self) -> list[Recorded]:
        return list((await self.log.poll(0, 10_000, 0)).events)

    def _rows(self, read: Callable[[Any], Any]) -> Any:
        reader = StoreReader(self.system.read_store("default"))
        try:
            with reader.snapshot() as rows:
                return read(rows)
        finally:
            reader.close()

    def card(self) -> TaskCard:
        found: TaskCard = self._rows(lambda rows: card(rows, self.task))
        return found

    def run(self) -> Execution:
        found: tuple[Execution, ...] = self._rows(lambda rows: runs(rows, self.task))
        [one] = found
        return one

    def learning(self) -> Learning:
        found: Learning = self._rows(lambda rows: learning(rows, "developer", now()))
        return found

    def cost(self) -> Cost:
        found: tuple[Cost, ...] = self._rows(lambda rows: costs(rows, ("task",)))
        [one] = [one for one in found if one.key["task"] == self.task]
        return one


@asynccontextmanager
async def open_office(folder: Path, vendors: FakeVendors, *providers: Provider) -> AsyncIterator[Office]:
    office = Office(folder, vendors, *providers)
    await office.system.start()
    try:
        yield office
    finally:
        await office.system.stop()


def of(events: Sequence[Recorded], kind: type[Event]) -> list[Event]:
    return [one.event for one in events if isinstance(one.event, kind)]


def raw(body: Any, status: int = 200, **fields: Any) -> Behaviour:
    return Behaviour(raw=Raw(body, status, **fields))


def assert_failed_without_success(office: Office, events: list[Recorded]) -> str:
    """The card is failed, no work was recorded, and nobody learnt of a success; the reason."""
    assert office.card().state is TaskState.FAILED
    assert not of(events, RunSucceeded)
    assert not of(events, ArtifactRecorded)
    assert all(one.success_rate == 0 for one in office.learning().profiles)
    [failed] = of(events, RunFailed)
    assert failed.reason == office.run().reason
    assert office.run().steps_done == 0
    return failed.reason


def forms(table: Sequence[tuple[Any, ...]], provider: Provider) -> list[tuple[Any, ...]]:
    return [row[1:] for row in table if row[0] is provider]


@pytest.mark.parametrize("provider", [Provider.ANTHROPIC, Provider.OPENAI, Provider.GEMINI], ids=str)
async def test_what_is_refused_is_taken_to_one_other_model_and_fails_with_the_vendors_word(
    tmp_path: Path, vendors: FakeVendors, provider: Provider
) -> None:
    async with open_office(tmp_path, vendors, provider) as office:
        for body, word in forms(REFUSED, provider):
            vendors.reset()
            vendors.default(raw(body))
            await office.hand_in()
            events = await office.until(*END)
            assert word in assert_failed_without_success(office, events)
            asked = [received.model for received in vendors.requests]
            assert len(asked) == len(set(asked)) == 2  # the next step is not bought, nor the same model asked again
            assert len(of(events, SpendReserved)) == 2
            assert not office.learning().profiles
        assert not soundness(await office.everything(), "default")


async def test_another_model_may_do_what_one_refused(tmp_path: Path, vendors: FakeVendors) -> None:
    async with open_office(tmp_path, vendors, Provider.ANTHROPIC, Provider.OPENAI) as office:
        vendors.script(Provider.ANTHROPIC, raw(anthropic([], "refusal")))
        await office.hand_in()
        events = await office.until(*END)
        assert office.card().state is TaskState.DONE
        first, second, *rest = of(events, ModelCalled)
        assert (first.finish, first.step, second.step) == ("refusal", 0, 0)
        assert second.model != first.model
        assert [one.step for one in rest] == [1]
        assert (office.run().calls, office.run().steps_done) == (3, 2)
        assert not soundness(await office.everything(), "default")


async def test_what_is_cut_off_is_asked_for_once_with_more_room_and_fails_as_cut_off(
    tmp_path: Path, vendors: FakeVendors, provider: Provider
) -> None:
    async with open_office(tmp_path, vendors, provider) as office:
        for body, word in forms(CUT_OFF, provider):
            vendors.reset()
            vendors.default(raw(body))
            await office.hand_in()
            events = await office.until(*END)
            assert f"cut off ({word})" in assert_failed_without_success(office, events)
            first, second = vendors.requests
            assert first.model == second.model
            assert (first.max_output_tokens, second.max_output_tokens) == (768, 4_096)
        assert [one.success_rate for one in office.learning().profiles] == [0.0]
        assert not soundness(await office.everything(), "default")


async def test_more_room_is_enough_for_an_answer_that_was_cut_off(tmp_path: Path, vendors: FakeVendors) -> None:
    def thinks(received: Received) -> Behaviour:
        return Behaviour(text="word " * 1_000)  # 1,250 tokens: the plan's 768 are too few

    async with open_office(tmp_path, vendors, Provider.OPENAI) as office:
        vendors.default(thinks)
        await office.hand_in()
        events = await office.until(*END)
        assert office.card().state is TaskState.DONE
        answers = of(events, ModelCalled)
        assert [(one.step, one.attempt, one.finish) for one in answers] == [
            (0, 1, "length"),
            (0, 2, "stop"),
            (1, 1, "stop"),
        ]
        # The next step reads the whole plan, not the one that was cut off.
        assert ("word " * 1_000).strip() in str(vendors.requests[-1].body)
        assert not soundness(await office.everything(), "default")


async def test_what_is_empty_is_asked_for_once_more_and_fails(
    tmp_path: Path, vendors: FakeVendors, provider: Provider
) -> None:
    async with open_office(tmp_path, vendors, provider) as office:
        for body, word in forms(EMPTY, provider):
            vendors.reset()
            vendors.default(raw(body))
            await office.hand_in()
            reason = assert_failed_without_success(office, await office.until(*END))
            assert "was empty" in reason
            assert word in reason
            assert len(vendors.requests) == 2


async def test_what_depends_on_refused_work_does_not_start(tmp_path: Path, vendors: FakeVendors) -> None:
    async with open_office(tmp_path, vendors, Provider.ANTHROPIC) as office:
        vendors.default(raw(anthropic([], "refusal")))
        await office.hand_in()
        first = office.task
        await office.hand_in(blocked_by=[first])
        await office.until(*END)
        assert office.card().state is TaskState.TODO
        assert {received.model for received in vendors.requests} <= {"claude-sonnet-5-5", "claude-haiku-5-5"}


@pytest.mark.parametrize("provider", [Provider.ANTHROPIC, Provider.OPENAI, Provider.GEMINI], ids=str)
async def test_an_answer_without_a_true_usage_is_used_and_booked_at_its_worst_case_and_marked(
    tmp_path: Path, vendors: FakeVendors, provider: Provider
) -> None:
    async with open_office(tmp_path, vendors, provider) as office:
        for (usage,) in forms(NO_USAGE, provider):
            vendors.reset()
            vendors.default(raw(good(provider, **usage)))
            await office.hand_in()
            events = await office.until(*END)
            assert office.card().state is TaskState.DONE, usage
            assert of(events, ArtifactRecorded)[0].content.text == "Good work."
            assert len(vendors.requests) == 2
            reserved, settled, answers = of(events, SpendReserved), of(events, SpendSettled), of(events, ModelCalled)
            assert [one.cost_microusd for one in settled] == [one.amount_microusd for one in reserved]
            assert all(one.estimated for one in settled)
            assert all(one.usage_doubt for one in answers)
            cost = office.cost()
            assert (cost.calls, cost.unknown_calls, cost.tokens_in, cost.tokens_out) == (2, 2, 0, 0)
            assert cost.unknown_microusd == cost.cost_microusd == sum(one.cost_microusd for one in settled) > 0
        assert not soundness(await office.everything(), "default")


async def test_a_true_usage_is_not_marked(tmp_path: Path, vendors: FakeVendors) -> None:
    async with open_office(tmp_path, vendors, Provider.OPENAI) as office:
        await office.hand_in()
        events = await office.until(*END)
        assert not any(one.estimated for one in of(events, SpendSettled))
        assert office.cost().unknown_calls == 0
        assert office.cost().cost_microusd == vendors.ledger.billed_microusd


BILLED_IN_VAIN: list[tuple[str, Behaviour, str]] = [
    ("no choice", raw({"id": "c", "object": "chat.completion", "choices": []}), "it holds no message"),
    ("a page", raw("<html><title>Welcome</title>", media_type="text/html"), "a web page, “Welcome”"),
    ("a gateway", raw("<html><title>Bad Gateway</title>", 502, media_type="text/html"), "“Bad Gateway”"),
    ("an error", raw({"error": {"message": "Something broke"}}), "Something broke"),
    ("a drop", Behaviour(fault=Fault.DROP_BILLED), "dropped the connection"),
]


@pytest.mark.parametrize(("name", "behaviour", "said"), BILLED_IN_VAIN, ids=[name for name, *_ in BILLED_IN_VAIN])
async def test_three_calls_of_a_step_that_may_have_been_billed_fail_the_run_and_say_what_was_answered(
    tmp_path: Path, vendors: FakeVendors, name: str, behaviour: Behaviour, said: str
) -> None:
    async with open_office(tmp_path, vendors, Provider.OPENAI) as office:
        vendors.default(behaviour)
        await office.hand_in()
        events = await office.until(*END)
        reason = assert_failed_without_success(office, events)
        assert said in reason
        assert "3 calls for step “plan” may have been billed" in reason
        assert "Error" not in reason
        assert "base URL" not in reason
        assert len(vendors.requests) == len(of(events, SpendUnknown)) == 3
        assert not office.learning().profiles


async def test_calls_that_may_have_been_billed_are_counted_over_a_restart(tmp_path: Path, vendors: FakeVendors) -> None:
    vendors.script(Provider.OPENAI, raw({"choices": []}), raw({"choices": []}))
    vendors.default(raw({"error": {"message": "slow down", "code": 429}}, headers={"retry-after": "60"}))
    async with open_office(tmp_path, vendors, Provider.OPENAI) as office:
        await office.hand_in()
        await office.until(RunWaiting)
    vendors.default(raw({"choices": []}))
    async with open_office(tmp_path, vendors, Provider.OPENAI) as again:
        again.task = office.task
        events = await again.until(*END)
        assert "3 calls for step “plan”" in assert_failed_without_success(again, events)
        assert len(of(events, SpendUnknown)) == 3


async def test_a_refusal_is_not_asked_for_again_after_a_restart(tmp_path: Path, vendors: FakeVendors) -> None:
    vendors.script(Provider.ANTHROPIC, raw(anthropic([], "refusal")))
    async with open_office(tmp_path, vendors, Provider.ANTHROPIC) as office:
        gate = vendors.hold()
        await office.hand_in()
        await gate.arrivals(1)
        gate.release(1)
        await gate.arrivals(2)
        stopping = asyncio.create_task(office.system.stop())
        gate.release()
        await stopping
    async with open_office(tmp_path, vendors, Provider.ANTHROPIC) as again:
        again.task = office.task
        events = await again.until(*END)
        assert again.card().state is TaskState.DONE
        refusals = [one for one in of(events, ModelCalled) if one.finish == "refusal"]
        assert len(refusals) == 1
        assert [one.step for one in of(events, ModelCalled)] == [0, 0, 1]
        assert [received.model for received in vendors.requests].count(refusals[0].model) == 2  # and the next step


async def test_an_error_that_is_no_object_is_not_booked_and_not_repeated(
    tmp_path: Path, vendors: FakeVendors, provider: Provider
) -> None:
    async with open_office(tmp_path, vendors, provider) as office:
        bodies: list[Any] = [{"error": "no route found for model"}, {"error": None}, "no route found", []]
        for body in bodies:
            vendors.reset()
            vendors.default(raw(body, 404))
            await office.hand_in()
            events = await office.until(*END)
            assert_failed_without_success(office, events)
            assert not of(events, SpendUnknown)
            assert len(of(events, SpendReleased)) == len(of(events, SpendReserved)) > 0
            asked = [received.model for received in vendors.requests]
            assert len(asked) == len(set(asked))


async def test_thoughts_reach_neither_the_work_nor_the_next_step(tmp_path: Path, vendors: FakeVendors) -> None:
    async with open_office(tmp_path, vendors, Provider.OLLAMA) as office:
        vendors.default(raw(ollama({"content": "<think>\nI should lie.\n</think>\nThe answer is 4."}, "stop")))
        await office.hand_in()
        events = await office.until(*END)
        [work], [end] = of(events, ArtifactRecorded), of(events, RunSucceeded)
        assert work.content == Content(text="The answer is 4.", size=16)
        assert end.summary == "The answer is 4."
        assert "should lie" not in str(vendors.requests[-1].body)


async def test_the_first_thing_a_new_ollama_user_reads_says_what_to_do(tmp_path: Path, vendors: FakeVendors) -> None:
    async with open_office(tmp_path, vendors, Provider.OLLAMA) as office:
        vendors.default(raw({"error": "model 'llama3.3' not found"}, 404))
        await office.hand_in()
        events = await office.until(*END)
        reason = assert_failed_without_success(office, events)
        assert "model 'llama3.3' not found" in reason
        assert "`ollama pull llama3.3`, or set VAPORA_OLLAMA_MODEL" in reason
        assert office.card().runs[-1].reason == reason


async def test_a_vendors_sentence_stands_on_the_card_that_waits(
    tmp_path: Path, vendors: FakeVendors, provider: Provider
) -> None:
    said = "model requires more system memory (41.5 GiB)\x1b[31m than is available"
    key = KEYS.get(provider, "sk-not-ours-7777777")
    async with open_office(tmp_path, vendors, provider) as office:
        vendors.default(raw({"error": {"message": f"{said} {key}"}}, 500, headers={"retry-after": "60"}))
        await office.hand_in()
        await office.until(RunWaiting)
        waiting = office.card().waiting
        assert waiting is not None
        assert waiting.reason is WaitReason.PROVIDER
        assert "model requires more system memory (41.5 GiB) [31m than is available" in waiting.remedy
        assert key not in waiting.remedy
        assert waiting.remedy.isprintable()
        assert len(waiting.remedy) <= 1_000


async def test_a_blocked_prompt_without_usage_is_refused_and_not_bought_again(
    tmp_path: Path, vendors: FakeVendors
) -> None:
    async with open_office(tmp_path, vendors, Provider.GEMINI) as office:
        vendors.default(raw({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}))
        await office.hand_in("performance-analysis", role=None)
        events = await office.until(*END)
        assert "PROHIBITED_CONTENT" in of(events, RunFailed)[0].reason
        assert not of(events, ModelCallFailed)
        assert len(vendors.requests) == 2


async def test_a_call_of_a_tool_is_no_end_of_the_work(tmp_path: Path, vendors: FakeVendors) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "search", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    async with open_office(tmp_path, vendors, Provider.OPENAI) as office:
        vendors.default(raw(openai(message, "tool_calls")))
        await office.hand_in()
        events = await office.until(*END)
        assert "asks for tools" in of(events, RunFailed)[0].reason
        assert not of(events, ArtifactRecorded)
