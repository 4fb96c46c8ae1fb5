"""What the rules cost: `python -m benchmarks.decision [--rounds N] [--tasks N] [--agents N …]`.

`plan`: the router's choice among all models of the catalogue, for a call without and with tools, beside what measuring
each model's request by itself and pricing it in decimals takes (as it was done before). `selection`: who gets a task,
all able and each with a full history, beside summing up each history anew. `codec`: an answer's event to bytes and
back, beside `json`. `projector`: processor time of all read models a task, by how many events come at once, beside
decoding those events.

Microseconds are the least of several rounds, which other work on the machine disturbs least. Quote the ratio.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import math
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from actors.composition import LocalActorSystem
from actors.llm_router.circuit_breaker import CircuitBreaker
from actors.llm_router.selection import ModelChoice
from actors.llm_router.sizes import CallSizes
from actors.messages import Call
from events.budget import Charge
from events.content import Content
from events.ids import Provider, Scope, Tier, WhenExceeded
from events.run import ModelCalled, Tokens
from events.task import TaskCompleted
from projections import ReadStore, Runner, all_projections
from vapora import journal
from vapora.clock import new_id, now
from vapora.commands import CreateProject, SubmitTask
from vapora.dispatch import Dispatcher
from vapora.domain.agent import Agent
from vapora.domain.assignment import Applicant, rank
from vapora.domain.budget_status import BudgetStatus
from vapora.domain.learning import History, RunOutcome, expertise
from vapora.domain.models import ModelSpec
from vapora.domain.pricing import BYTES_PER_TOKEN, EXTRA_TOKENS, PriceBook
from vapora.domain.routing import Routing
from vapora.llm import factory
from vapora.llm.catalogue import shipped
from vapora.llm.protocol import Message, ModelClient, ModelRequest, ToolCall
from vapora.log import mapper
from vapora.log.client import LogClient
from vapora.log.mapper import LazyRecord, open_record
from vapora.log.sqlite import SQLiteLog
from vapora.ports import Origin
from vapora.records import StoredRecord
from vapora.settings import Settings
from vapora.tools.table import TOOLS

_ORIGIN = Origin("default", "benchmark", "cor")
_AT = datetime(2026, 11, 28, tzinfo=UTC)
_KEYS = {"ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "k", "GEMINI_API_KEY": "k", "OLLAMA_HOST": "127.0.0.1:9"}
_CHARGE = Charge(project_id="p", task_id="t", run_id="t.1", agent_id="a", role="developer", task_type="code-generation")
_TEXT = "A sentence of the answer. " * 46
_BATCHES = (5, 30, 60, 1_000)


def least_us(work: Callable[[], object], rounds: int) -> float:
    """The least of so many rounds, in microseconds."""
    work()
    best = math.inf
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best * 1e6


# --- plan ---


def call_of(turns: int, tools: int = 0) -> Call:
    """A step of a run: a brief of 1.4 kB for each role and task, and so many answers, each with a tool's result if
    there are tools."""
    messages = [Message(role="user", text="# Parse dates\n" + "Some instruction. " * 60)]
    for number in range(turns):
        if tools:
            call = ToolCall(id=f"call_{number}", name="file_read", arguments={"path": f"src/module_{number}.py"})
            messages.append(Message(role="assistant", text="I look.", tool_calls=(call,)))
            messages.append(Message(role="tool", text="line = 1\n" * 300, tool_call_id=call.id, tool_name=call.name))
        else:
            messages.append(Message(role="assistant", text="A sentence of the answer. " * 60))
            messages.append(Message(role="user", text="Go on with the next step. " * 5))
    return Call(
        origin=_ORIGIN,
        charge=_CHARGE,
        call_id="t.1/1",
        step=1,
        attempt=1,
        run_version=1,
        routing=Routing("code-generation", "standard"),
        system="You are a developer of this house. " * 40,
        messages=tuple(messages),
        max_output_tokens=4_000,
        tools=tuple(one.spec() for one in list(TOOLS.values())[:tools]),
    )


def choice_of(clients: dict[Provider, ModelClient]) -> ModelChoice:
    known = shipped()
    breaker = CircuitBreaker(known.models, lambda: _AT, lambda: 0.5)
    return ModelChoice(clients, known.models, PriceBook(named=known.prices), lambda: _AT, breaker, 60, 60)


def _one_by_one(clients: dict[Provider, ModelClient], call: Call) -> list[int]:
    """Every model's request measured by itself, and priced in decimals for both moments."""
    known = shipped()
    prices = PriceBook(named=known.prices)

    def worst(spec: ModelSpec) -> int:
        limit = min(call.max_output_tokens, spec.output_tokens)
        request = ModelRequest(
            model=spec.model, system=call.system, messages=call.messages, max_output_tokens=limit, tools=call.tools
        )
        size = clients[spec.provider].request_bytes(request)
        prompt = math.ceil(size / BYTES_PER_TOKEN) + EXTRA_TOKENS
        moments = (_AT, _AT + timedelta(days=1))
        return max(math.ceil(prices.rates(*spec.key, at).worst(prompt, limit)) for at in moments)

    return [worst(spec) for spec in known.models]


def _plans(rounds: int) -> None:
    print("\n| plan, 10 models | tier | µs | one by one, µs | of it | µs of a serialisation |")
    print("|---|---|---|---|---|---|")
    calls = (("2 answers", call_of(2)), ("20 answers", call_of(20)), ("20 answers, 5 tools", call_of(20, 5)))
    kinds = (("rehearsal", factory.clients({}, "rehearsal")), ("four vendors", factory.clients(_KEYS)))
    for kind, clients in kinds:
        choice = choice_of(clients)
        for name, call in calls:
            request = ModelRequest(
                model="m", system=call.system, messages=call.messages, max_output_tokens=1, tools=call.tools
            )
            once = least_us(lambda: clients[Provider.OPENAI].request_bytes(request), rounds)  # noqa: B023
            before = least_us(lambda: _one_by_one(clients, call), max(3, rounds // 10))  # noqa: B023
            for tier in Tier if name == "2 answers" else (Tier.NORMAL,):
                standing = BudgetStatus(tier, Scope.WORKSPACE, "default", WhenExceeded.FALLBACK, 0.5, "half")
                taken = least_us(lambda: choice.plan(call, CallSizes(call), standing, {}), rounds)  # noqa: B023
                print(
                    f"| {kind}, {name} | {tier} | {taken:,.0f} | {before:,.0f} | {taken / before:.2f} | {once:,.0f} |",
                    flush=True,
                )


# --- selection ---


def _history(runs: int) -> History:
    history = History()
    for number in range(runs):
        ended = _AT - timedelta(hours=3 * (runs - number))
        history.add(RunOutcome(f"r{number}", "code-generation", ended, number % 5 > 0))
    return history


def _selections(rounds: int, sizes: Sequence[int]) -> None:
    print("\n| selection, agents | µs | µs an agent | histories alone, summed up anew, µs | of it |")
    print("|---|---|---|---|---|")
    for size in sizes:
        applicants = [
            Applicant(Agent(f"dev-{one}", "developer", "Dev", (), ("code-generation",), 5), one % 3, _history(100))
            for one in range(size)
        ]
        least = max(3, rounds * 12 // size)
        taken = least_us(lambda: rank("code-generation", "developer", applicants, _AT), least)  # noqa: B023
        outcomes = [one.history.outcomes("code-generation") for one in applicants]
        anew = least_us(lambda: [expertise(one, _AT) for one in outcomes], max(3, least // 10))  # noqa: B023
        print(f"| {size:,} | {taken:,.0f} | {taken / size:.1f} | {anew:,.0f} | {taken / anew:.2f} |", flush=True)


# --- codec ---


def _codec(rounds: int) -> None:
    event = ModelCalled(
        run_id="t.1",
        task_id="t",
        call_id="t.1/1",
        step=1,
        attempt=1,
        provider=Provider.OPENAI,
        model="gpt-6.1-terra",
        answer=Content(text=_TEXT, size=len(_TEXT)),
        finish="stop",
        tokens=Tokens(input=1_000, output=300),
        cost_microusd=1_234,
        latency_ms=15,
        simulated=True,
    )
    encoded = mapper.encode(event)
    envelope = mapper.envelope(mapper.instant(_AT), "default", "agent", "cor", None, "req")
    record = StoredRecord(1, "run:t.1", 1, event.TOPIC, mapper.seal(encoded, envelope))
    plain = event.as_json()
    text = json.dumps(plain)
    print("\n| codec, an answer of 1.2 kB | µs | of json |")
    print("|---|---|---|")
    for name, work, beside in (
        ("encode", lambda: mapper.encode(event), lambda: json.dumps(plain)),
        ("decode", lambda: open_record(record), lambda: json.loads(text)),
    ):
        taken, base = least_us(work, rounds), least_us(beside, rounds)
        print(f"| {name} | {taken:.1f} | {taken / base:.2f} |", flush=True)


# --- projector ---


async def _work_off(folder: Path, tasks: int) -> None:
    """A log of so many tasks of three steps each, 12 at once."""
    settings = Settings(data=folder, model="rehearsal", rehearsal_min_delay_s=0, rehearsal_max_delay_s=0)
    system = LocalActorSystem(settings)
    await system.start()
    log = LogClient(system.log("default"), "default")
    people = Dispatcher(log, now)
    project = await people.dispatch(_ORIGIN, CreateProject(name="All of it"))
    done, position = 0, 0
    for first in range(0, tasks, 12):
        wanted = min(12, tasks - first)
        submits = [
            SubmitTask(project_id=project.id, title=f"Task {first + one}", task_type="unit-test", review="none")
            for one in range(wanted)
        ]
        await asyncio.gather(*(people.dispatch(Origin("default", "b", new_id("cor")), one) for one in submits))
        while done < first + wanted:
            polled = await log.poll(position, 1_000, 5, (TaskCompleted.TOPIC,))
            done += len(polled.events)
            position = polled.position
    await system.stop()


def _projector(folder: Path, tasks: int) -> None:
    asyncio.run(_work_off(folder / "made", tasks))
    log = SQLiteLog.open(Settings(data=folder / "made").log_file("default"), "default", now)
    records = log.after(0, 1_000_000)
    print(f"\n| projector, {len(records) / tasks:.0f} events a task | CPU ms a task | times decoding |")
    print("|---|---|---|")
    for size in _BATCHES:
        best = math.inf
        decoding = math.inf
        for number in range(3):
            began = time.thread_time()
            for one in records:
                open_record(one)
            decoding = min(decoding, time.thread_time() - began)
            store = ReadStore(folder / f"{size}-{number}.db")
            runner = Runner(store, all_projections())
            began = time.thread_time()
            for first in range(0, len(records), size):
                runner.apply([LazyRecord(one) for one in records[first : first + size]], frames_wanted=False)
            best = min(best, time.thread_time() - began)
            store.close()
        print(f"| {size:,} at once | {best / tasks * 1e3:.2f} | {best / decoding:.1f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1_000)
    parser.add_argument("--tasks", type=int, default=120)
    parser.add_argument("--agents", type=int, nargs="+", default=[12, 100, 1_000, 10_000])
    asked = parser.parse_args()
    os.environ.setdefault("VAPORA_REHEARSAL_STEPS", "3")
    journal.configure(level=logging.ERROR)
    _plans(asked.rounds)
    _selections(asked.rounds, asked.agents)
    _codec(asked.rounds)
    with tempfile.TemporaryDirectory() as name:
        _projector(Path(name), asked.tasks)


if __name__ == "__main__":
    main()
