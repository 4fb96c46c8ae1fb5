"""The vectors of the index, as the workspace wants them: learned from its own texts, made by a provider's model, or
none.

A provider is asked for some texts at once, by way of the router, and what it answered is kept before anything else is
asked. One that is away, or a budget that is used up, only delays: the same texts are asked about at the next look.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from threading import Event
from typing import Any, Final, Protocol, TypeVar

import structlog

from actors.messages import NoVectors, Texts
from actors.messages import Vectors as Made
from events import Recorded
from events.workspace import SettingsChanged, WorkspacePaused, WorkspaceResumed
from vapora.clock import new_id
from vapora.errors import VaporaError
from vapora.log.client import LogClient
from vapora.ports import Origin, QuestionVector
from vapora.search import IndexWriter, Provided, learn_if_due, let_go, name_of

_ACTOR: Final = "indexer"
TOPICS: Final = (SettingsChanged.TOPIC, WorkspacePaused.TOPIC, WorkspaceResumed.TOPIC)
# So long texts are waited for that go along with the first one.
_GATHER_S = 1.0
_CALL_S = 60.0
# Somebody waits for what a question is answered with.
_QUESTION_S = 5.0
# So long nobody asks a provider again for the sake of a question that brought no vector.
_REST_S = 15.0
# How long a stop waits for an answer that is on its way: it is paid for.
_DRAIN_S = 5.0
_NOT_YET = "The vectors of the workspace are still being made."

T = TypeVar("T")


class Router(Protocol):
    async def embed(self, texts: Texts) -> Made | NoVectors: ...
    async def is_simulated(self, workspace: str) -> bool: ...


class EmbeddingModel(Protocol):
    """What the catalogue says of a model that makes vectors."""

    @property
    def dimensions(self) -> int | None: ...
    @property
    def text_bytes(self) -> int: ...


class IndexVectors:
    """`in_thread` does blocking work in a thread of its own. `default`: what the installation wants where the workspace
    does not say. `models(provider, model)`: what is known of a model; None: it makes no vectors."""

    def __init__(
        self,
        log: LogClient,
        workspace: str,
        open_writer: Callable[[], IndexWriter],
        in_thread: Callable[[Callable[[], Any]], Awaitable[Any]],
        *,
        default: str,
        router: Router | None,
        models: Callable[[str, str], EmbeddingModel | None],
    ) -> None:
        self._log = log
        self._workspace = workspace
        self._open_writer = open_writer
        self._in_thread = in_thread
        self._default = default
        self._router = router
        self._models = models
        self._position = 0
        self._chosen: str | None = None
        self._paused = False
        # What was chosen when the vectors of anything else were let go.
        self._settled: str | None = None
        self._provided: Provided | None = None
        self._reason = ""
        self._asked_again_at = 0.0
        self._questions = asyncio.Lock()
        self._calls: set[asyncio.Task[str]] = set()
        self._due = asyncio.Event()
        self._stopped = Event()
        self._journal = structlog.get_logger("indexer")

    @property
    def chosen(self) -> str:
        return self._chosen or self._default

    async def look(self) -> None:
        """Whether something is to be made or learned, and do it."""
        await self._hear()
        chosen = self.chosen
        if self._settled != chosen:
            await self._in_thread(partial(let_go, self._open_writer, chosen))
            self._settled, self._provided, self._reason = chosen, None, ""
        if chosen == "built-in":
            await self._in_thread(partial(learn_if_due, self._open_writer, self._stopped))
        elif chosen != "none":
            reason = await self._provide(chosen)
            if reason and reason != self._reason:
                self._journal.warning("vectors are not made", workspace=self._workspace, reason=reason)
            self._reason = reason

    async def until_due(self, most_s: float) -> None:
        """Until the settings or the texts have changed, or `most_s` seconds are over. What comes in the moment after
        goes along."""
        try:
            async with asyncio.timeout(most_s):
                await self._due.wait()
                await asyncio.sleep(_GATHER_S)
        except TimeoutError:
            pass
        self._due.clear()

    def heard(self, events: Sequence[Recorded]) -> None:
        if any(one.topic in TOPICS for one in events):
            self._due.set()

    def written(self, entries: int) -> None:
        """So many texts are new or changed; those that are learned here have theirs already."""
        if entries and ":" in self.chosen:
            self._due.set()

    async def stop(self) -> None:
        """What was asked of a provider is waited for and kept: else it would be paid for again."""
        self._stopped.set()
        if self._calls:
            await asyncio.wait(self._calls, timeout=_DRAIN_S)

    def stop_learning(self) -> None:
        self._stopped.set()

    async def of_question(self, question: str) -> QuestionVector:
        """The question's vector, where the index has those of a provider's model; or why there is none."""
        provided = self._provided
        if provided is None:
            return QuestionVector(reason=self._reason or _NOT_YET)
        async with self._questions:
            known: QuestionVector | None = await self._in_thread(partial(provided.question, question))
            if known is None:
                return QuestionVector(reason=self._reason or _NOT_YET)
            if known.vector:
                return known
            reason = self._rests() or await self._ask(provided, (provided.asked(question),), _QUESTION_S)
            if reason:
                self._asked_again_at = max(self._asked_again_at, asyncio.get_running_loop().time() + _REST_S)
                return QuestionVector(reason=reason)
            return await self._in_thread(partial(provided.question, question)) or QuestionVector()

    def _rests(self) -> str:
        if self._paused:
            return "The workspace is paused, so nothing is asked of a provider."
        if asyncio.get_running_loop().time() < self._asked_again_at:
            return self._reason or "The provider of the vectors gave none a moment ago."
        return ""

    async def _hear(self) -> None:
        while True:
            polled = await self._log.poll(self._position, 1_000, 0, TOPICS, lenient=True)
            for recorded in polled.events:
                if isinstance(recorded.event, SettingsChanged):
                    self._chosen = recorded.event.search_vectors
                elif isinstance(recorded.event, WorkspacePaused | WorkspaceResumed):
                    self._paused = isinstance(recorded.event, WorkspacePaused)
            self._position = polled.position
            if polled.position >= polled.head:
                return

    async def _provide(self, chosen: str) -> str:
        """Have the vectors made that are missing; why it left off before all were there, or nothing."""
        provider, _, model = chosen.partition(":")
        known = self._models(provider, model)
        if known is None or self._router is None:
            return f"{chosen} makes no vectors of texts, as far as the catalogue of models knows."
        try:
            simulated = await self._router.is_simulated(self._workspace)
        except VaporaError as error:
            return str(error)
        name = name_of(provider, model, known.dimensions, simulated=simulated)
        if self._provided is None or self._provided.name != name:
            self._provided = Provided(self._open_writer, name, known.text_bytes)
        provided = self._provided
        while not self._stopped.is_set():
            texts: tuple[str, ...] | None = await self._in_thread(provided.step)
            if texts is None:
                return ""
            if texts:
                await self._hear()
                if self.chosen != chosen:
                    return ""
                if self._paused:
                    return "The workspace is paused, so nothing is asked of a provider."
                if reason := await self._ask(provided, texts, _CALL_S):
                    return reason
        return self._reason

    async def _ask(self, provided: Provided, texts: tuple[str, ...], timeout_s: float) -> str:
        """Have vectors made and kept; why there are none, or nothing. Once begun it comes to its end."""
        call = asyncio.create_task(self._made(provided, texts, timeout_s))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        return await asyncio.shield(call)

    async def _made(self, provided: Provided, texts: tuple[str, ...], timeout_s: float) -> str:
        assert self._router is not None
        provider, _, model = provided.name.partition(" ")[0].partition(":")
        origin = Origin(self._workspace, _ACTOR, new_id("cor"))
        try:
            reply = await self._router.embed(Texts(origin, provider, model, texts, timeout_s))
        except VaporaError as error:
            return str(error)
        if isinstance(reply, NoVectors):
            return reply.reason
        known = self._models(provider, model)
        name = name_of(provider, model, known.dimensions if known else None, simulated=reply.simulated)
        # A key may have come or gone meanwhile: what the rehearsal made is never taken for the real thing.
        await self._in_thread(partial(provided.named(name).keep, texts, reply.vectors))
        return "" if name == provided.name else "The workspace's key of the provider has changed."
