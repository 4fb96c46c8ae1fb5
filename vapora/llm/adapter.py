"""What the four vendors' adapters have in common: deadline, error mapping, the life of the SDK client.

An SDK costs up to two seconds of CPU to import, so it is loaded on the first call, in a thread: the
router's event loop goes on meanwhile, and a vendor that is never called is never loaded.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterable, Mapping
from itertools import chain
from math import isfinite
from typing import Any, TypeVar
from urllib.parse import urlsplit

import structlog

from vapora.errors import (
    BadAnswerError,
    ConnectionLostError,
    ConnectionRefusedByProviderError,
    InvalidRequestError,
    ProviderError,
)
from vapora.llm import failures, replies
from vapora.llm.protocol import (
    Capabilities,
    Embedded,
    EmbeddingRequest,
    Finish,
    Frame,
    Message,
    ModelAnswer,
    ModelRequest,
    Provider,
    TextDelta,
    ToolCall,
    ToolSpec,
    Usage,
)
from vapora.unicode import ends_in_half, mended

PING_TIMEOUT_S = 5.0
CONNECT_TIMEOUT_S = 10.0
# As many calls as the router lets through may be open at once; the router bounds them, not this pool.
MAX_CONNECTIONS = 1000
_MOST_FRAMES = 1_000
_SAFE_CALL_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_MADE_CALL_ID = re.compile(r"call_(\d{1,9})")

_T = TypeVar("_T")
Body = dict[str, Any]
Piece = TextDelta | ModelAnswer


class UnusableAnswerError(ValueError):
    """An answer lacks what an answer must have. It says so in words that go on from "cannot be used:"."""


class VendorAdapter(ABC):
    """Implements `ModelClient` but for what differs between vendors: five small methods."""

    default_url: str
    simulated: bool = False
    # Which of the two forms of a body is the longer one.
    larger_streamed: bool = True
    # Bytes between two fields of the body, as the SDK encodes it.
    _comma: int = len(",")

    def __init__(self, provider: Provider, api_key: str = "", base_url: str | None = None) -> None:
        """`base_url` None means the vendor's own: the environment is read by the factory alone."""
        self.provider = provider
        self._key = api_key
        self._url = base_url or self.default_url
        self._sdk: Any = None
        self._sdk_lock = threading.Lock()
        self._wire = str(provider)
        self._frames: dict[tuple[object, ...], int] = {}
        self._journal = structlog.get_logger(f"llm/{self.provider}")

    # What a vendor's adapter says of itself.

    @abstractmethod
    def said(self, request: ModelRequest) -> Body:
        """The part of the body that holds what is said: the same for all models of one `wire` form. Never empty."""

    @abstractmethod
    def settings(self, frame: Frame, *, stream: bool) -> Body:
        """The rest of the body, under other names. Never empty."""

    @abstractmethod
    def _build(self) -> Any:
        """Imports the SDK and makes its client, with the SDK's own retries off."""

    @abstractmethod
    async def _ask(self, sdk: Any, request: ModelRequest) -> ModelAnswer: ...

    @abstractmethod
    async def _open(self, sdk: Any, request: ModelRequest) -> Any:
        """Sends the request of a stream; returns once the vendor has said yes."""

    @abstractmethod
    def _read(self, opened: Any, request: ModelRequest) -> AsyncGenerator[Piece, None]:
        """The stream's pieces; the whole answer comes last."""

    @abstractmethod
    async def _list_models(self, sdk: Any) -> None: ...

    @abstractmethod
    async def _close(self, sdk: Any) -> None: ...

    async def _show(self, sdk: Any, model: str) -> Capabilities:
        """What the vendor says of a model; most say nothing that the catalogue does not."""
        return Capabilities()

    async def _embed(self, sdk: Any, request: EmbeddingRequest) -> Embedded:
        """Most vendors have no such call."""
        raise InvalidRequestError(f"{self.provider} makes no vectors of texts.", provider=str(self.provider))

    def _advised(self, failure: ProviderError, response: Any) -> ProviderError:
        """`failure` with a remedy of this vendor's own, where there is one."""
        return failure

    # The contract.

    def body(self, request: ModelRequest, *, stream: bool = False) -> Body:
        """The JSON body as the vendor receives it. Pure; needs no SDK."""
        return self.said(request) | self.settings(request.frame(), stream=stream)

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        sdk = await self._client()
        return self._clean(await self._by(self._deadline(request.timeout_s), self._ask(sdk, request)))

    async def stream(self, request: ModelRequest) -> AsyncIterator[Piece]:
        sdk = await self._client()
        deadline = self._deadline(request.timeout_s)
        pieces = _whole_characters(self._read(await self._by(deadline, self._open(sdk, request)), request))
        try:
            piece: Piece | None = None
            while not isinstance(piece, ModelAnswer):
                # The deadline is set around each step, never around a yield: what the consumer does
                # between two pieces must not be cancelled by our clock.
                piece = await self._by(deadline, _next(pieces), begun=True)
                if piece is None:
                    raise failures.lost(self.provider, "the stream ended early")
                yield self._clean(piece) if isinstance(piece, ModelAnswer) else piece
        finally:
            await pieces.aclose()

    async def embed(self, request: EmbeddingRequest) -> Embedded:
        sdk = await self._client()
        return await self._by(self._deadline(request.timeout_s), self._embed(sdk, request))

    def request_bytes(self, request: ModelRequest) -> int:
        """The larger of the two forms."""
        return len(self._encoded(self.body(request, stream=self.larger_streamed)))

    def wire(self, model: str) -> str:
        # A provider's own turns go back to it alone, so each provider has a form of its own.
        return self._wire

    def said_bytes(self, request: ModelRequest) -> int:
        return len(self._encoded(self.said(request)))

    def frame_bytes(self, frame: Frame) -> int:
        """Measured once for each frame: there are a few for each model."""
        key = self._telling(frame)
        found = self._frames.get(key)
        if found is None:
            if len(self._frames) >= _MOST_FRAMES:
                self._frames.clear()
            settings = len(self._encoded(self.settings(frame, stream=self.larger_streamed)))
            # As one object they share their braces, and stand apart by a comma.
            found = self._frames[key] = settings - len("{}") + self._comma
        return found

    def _telling(self, frame: Frame) -> tuple[object, ...]:
        """What a frame's length depends on."""
        return frame.model, frame.max_output_tokens, frame.temperature, frame.tools, frame.images > 0

    async def ping(self) -> None:
        sdk = await self._client()
        try:
            await self._by(self._deadline(PING_TIMEOUT_S), self._list_models(sdk))
        except InvalidRequestError:
            return  # Many compatible servers know no list of models: a 404 shows that they are there.

    async def capabilities(self, model: str) -> Capabilities:
        sdk = await self._client()
        return await self._by(self._deadline(PING_TIMEOUT_S), self._show(sdk, model))

    async def aclose(self) -> None:
        sdk, self._sdk = self._sdk, None
        if sdk is not None:
            await self._close(sdk)

    # Shared parts.

    def _encoded(self, body: Body) -> bytes:
        """As the SDKs of anthropic, openai and ollama encode it (compact UTF-8)."""
        return compact(body).encode()

    async def _client(self) -> Any:
        """Not within a call's deadline: the seconds that an import takes are not the vendor's."""
        if self._sdk is not None:
            return self._sdk
        try:
            return await asyncio.to_thread(self._load)
        except Exception as error:
            why = failures.scrub(f"{type(error).__name__}: {error}", self._secrets())
        raise ConnectionRefusedByProviderError(
            f"The client for {self.provider} could not be set up: {why}",
            remedy="Check that its SDK is installed and its address well formed.",
            provider=str(self.provider),
        )

    def _load(self) -> Any:
        with self._sdk_lock:
            if self._sdk is None:
                self._where()
                self._sdk = self._build()
            return self._sdk

    @staticmethod
    def _deadline(seconds: float) -> float:
        return asyncio.get_running_loop().time() + seconds

    async def _by(self, deadline: float, step: Coroutine[Any, Any, _T], *, begun: bool = False) -> _T:
        """Runs a step; whatever goes wrong is a `ProviderError`. Cancellation passes through."""
        try:
            async with asyncio.timeout_at(deadline):
                return await step
        except Exception as error:
            failure = self._failure(error, begun=begun)
        # Outside of `except`: else the raw error, whose request carries the key, would hang on this one.
        raise failure

    async def _inspect(self, response: Any) -> None:
        """The hook on every response of the SDK's HTTP client: raises where it is an error, whatever its form."""
        failure = await replies.fault_in(self.provider, response, self._secrets())
        if failure is not None:
            raise self._advised(failure, response)

    def _failure(self, error: Exception, *, begun: bool) -> ProviderError:
        # The SDKs of anthropic and openai wrap what the hook raised.
        failure = next((one for one in failures.chain(error) if isinstance(one, ProviderError)), None)
        failure = failure or failures.transport_failure(self.provider, error, self._where())
        if failure is None:
            why = self._why_unusable(error)
            return (failures.lost if begun else failures.bad_answer)(self.provider, why, self._secrets())
        if begun and not isinstance(failure, BadAnswerError | ConnectionLostError) and not failure.maybe_billed:
            return failures.lost(self.provider, failure.message, self._secrets())
        return failure

    def _why_unusable(self, error: Exception) -> str:
        """In words for people. What an SDK's own error says of its classes goes to the journal alone."""
        if isinstance(error, UnusableAnswerError):
            return str(error)
        # A stream's error event: the SDKs keep it under one of these names.
        said = (replies.sentence(getattr(error, name, None)) for name in ("body", "details", "error"))
        if told := next((one for one in said if one), ""):
            return told
        detail = failures.scrub(f"{type(error).__name__}: {error}", self._secrets())
        self._journal.warning("an answer was not understood", detail=detail)
        return "it does not have the form of this vendor's protocol"

    def _clean(self, answer: ModelAnswer) -> ModelAnswer:
        """With the vendor's sentence about its finish fit to be shown, as those of errors are."""
        if not answer.finish_detail:
            return answer
        return answer.model_copy(update={"finish_detail": failures.scrub(answer.finish_detail, self._secrets())})

    def _secrets(self) -> tuple[str, ...]:
        """What no text of ours may show: the key, and a password in the address."""
        try:
            password = urlsplit(self._url).password
        except ValueError:
            password = None
        return (self._key, password or "")

    def _where(self) -> str:
        """Host and port, without a password that may stand in the address. `ValueError` if it is none."""
        parts = urlsplit(self._url if "//" in self._url else f"http://{self._url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"not an http address: {parts.netloc.rpartition('@')[2]}")
        _ = parts.port  # raises where it is no port; the SDKs would only find out when they connect
        return parts.netloc.rpartition("@")[2]


async def _whole_characters(pieces: AsyncGenerator[Piece, None]) -> AsyncGenerator[Piece, None]:
    """The same text, though half of a character waits for the piece with the other half."""
    half = ""
    try:
        async for piece in pieces:
            if isinstance(piece, TextDelta):
                text = half + piece.text
                half = text[-1] if ends_in_half(text) else ""
                if text := mended(text.removesuffix(half)):
                    yield TextDelta(text=text)
                continue
            if half:
                yield TextDelta(text=mended(half))
            yield piece
    finally:
        await pieces.aclose()


async def _next(pieces: AsyncGenerator[Piece, None]) -> Piece | None:
    return await anext(pieces, None)


def embedded(request: EmbeddingRequest, vectors: Iterable[Iterable[float]], tokens: object) -> Embedded:
    """What a vendor answered, if it is a vector for each text, all of one length."""
    found = tuple(tuple(float(one) for one in vector) for vector in vectors)
    if len(found) != len(request.texts):
        raise UnusableAnswerError(f"it holds {len(found)} vectors for {len(request.texts)} texts")
    if len({len(one) for one in found}) != 1 or not found[0] or not all(map(isfinite, chain.from_iterable(found))):
        raise UnusableAnswerError("its vectors are not of one length, or are no numbers")
    counted_as = tokens if isinstance(tokens, int) and not isinstance(tokens, bool) and tokens >= 0 else None
    return Embedded(vectors=found, tokens=counted_as)


def call_id(raw: str) -> str:
    """An id of a tool call that every vendor takes; a conversation may have begun at another one."""
    if _SAFE_CALL_ID.fullmatch(raw):
        return raw
    return "call_" + hashlib.sha256(raw.encode()).hexdigest()[:24]


def made_call_id(request: ModelRequest, index: int) -> str:
    """For vendors that name no calls: unique in the conversation, also where its older turns were left out, and the
    same when asked again."""
    made = (_MADE_CALL_ID.fullmatch(call.id) for message in request.messages for call in message.tool_calls)
    return f"call_{max((int(one[1]) for one in made if one), default=-1) + 1 + index}"


def tool_names(messages: Iterable[Message]) -> dict[str, str]:
    """Which tool each call was for; some vendors want the name with the result."""
    return {call.id: call.name for message in messages for call in message.tool_calls}


def result_text(message: Message) -> str:
    """A tool's result for vendors that have no field for its failure."""
    return f"The tool failed.\n{message.text}" if message.failed else message.text


def native_body(message: Message, provider: Provider) -> Any:
    """The turn as this very vendor gave it; None where it gave no more than text and calls, or another one gave it."""
    ours = message.native is not None and message.native.provider == provider
    return json.loads(message.native.body) if message.native is not None and ours else None


def without_natives(request: ModelRequest) -> ModelRequest:
    bare = tuple(one.model_copy(update={"native": None}) for one in request.messages)
    return request.model_copy(update={"messages": bare})


# Made once: `json.dumps` with options makes one for each value.
compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def functions(tools: Iterable[ToolSpec]) -> list[Body]:
    """Tools in the form that OpenAI gave the world."""
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
        }
        for tool in tools
    ]


def finish_of(words: Mapping[str, Finish], word: str | None) -> Finish:
    """Ours for a vendor's word; `other` where it is not known."""
    return words.get(word or "", "other")


def time_limit(seconds: float) -> Any:
    """Of a call through the SDKs of anthropic and openai: who cannot be connected to is told apart sooner."""
    import httpx2

    return httpx2.Timeout(seconds, connect=min(CONNECT_TIMEOUT_S, seconds))


def counted(**counts: object) -> Usage | None:
    """The fields of a `Usage`, as the vendor gave them. None where one is no count of tokens: then the call's cost is
    unknown, and the answer as good as any other."""
    for value in counts.values():
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            return None
    return Usage.model_validate(counts)


def finish_detail(word: object, sentence: object = "") -> str:
    """The vendor's own word for why it stopped, with its sentence where it gave one."""
    return ": ".join(str(one) for one in (word, sentence) if one)


def tool_calls(drafts: Iterable[tuple[str, str, str]], *, cut: bool) -> tuple[ToolCall, ...]:
    """Calls from (id, name, arguments as JSON). `cut`: the answer reached its limit on tokens, so a call
    whose JSON is incomplete is left out; anywhere else it makes the answer a bad one.
    """
    calls: list[ToolCall] = []
    for call, name, text in drafts:
        try:
            calls.append(ToolCall(id=call, name=name, arguments=arguments_of(text)))
        except json.JSONDecodeError:
            if not cut:
                raise
    return tuple(calls)


def arguments_of(text: str) -> dict[str, Any]:
    """A tool call's arguments; vendors send an empty string where there are none."""
    value = json.loads(text) if text.strip() else {}
    if not isinstance(value, dict):
        raise TypeError("a tool call's arguments are not a JSON object")
    return value
