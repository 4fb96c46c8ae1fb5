"""What the router says to a model, whichever vendor serves it.

The adapters in this package translate these values to the four official SDKs and back; nothing else
in the house knows a vendor's shapes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Literal, NamedTuple, Protocol, Self, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from events.ids import Provider as Provider
from vapora.unicode import Unicode, UnicodeObject


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ToolSpec(_Value):
    """A tool that the model may ask for. `parameters` is a JSON Schema of type object."""

    name: str
    description: str
    parameters: dict[str, JsonValue]


class ToolCall(_Value):
    """The model's wish to have a tool run. `id` is the vendor's, or made by the adapter where it has none.

    `signature` is opaque: Gemini 3 and later answer 400 unless it comes back with the call it stood on.
    """

    id: Unicode
    name: Unicode
    arguments: UnicodeObject
    signature: str | None = None


Finish = Literal["stop", "length", "tool", "refusal", "other"]


class NativeTurn(_Value):
    """An assistant's turn in its vendor's own form, where that holds more than text and calls: signed thoughts, say.

    `body` is JSON. It goes back to the same `provider` as it came, and to no other. `tokens`: what the turn counted as
    output there, which is the most that it counts as input later.
    """

    provider: Provider
    body: Unicode
    tokens: int = Field(default=0, ge=0)


class Image(_Value):
    """An image that the user shows. `digest`: SHA-256 of its bytes. `data`: those as base64; empty until the request
    is sent, for what it costs does not depend on them."""

    name: str
    media_type: str
    digest: str
    data: str = ""


class Message(_Value):
    """One turn. A `tool` message carries the result of the call `tool_call_id`; `failed`: the tool did not do what was
    asked, and `text` says why. `images` stand before the user's `text`, which names them."""

    role: Literal["user", "assistant", "tool"]
    text: str = ""
    images: tuple[Image, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    native: NativeTurn | None = None
    tool_call_id: str | None = None
    tool_name: str | None = None
    failed: bool = False

    def size(self) -> int:
        """Bytes of what the model reads of it, without its images: those are counted in tokens."""
        calls = sum(len(call.model_dump_json(exclude={"signature"}).encode()) for call in self.tool_calls)
        native = len(self.native.body.encode()) if self.native else 0
        return len(self.text.encode()) + calls + native


class Frame(NamedTuple):
    """What a request carries beside what is said, as far as its length depends on it. `prompt_bytes`: those of what the
    model reads, as `prompt_bytes()` counts them; `images`: how many are shown."""

    model: str
    max_output_tokens: int
    temperature: float | None
    tools: bool
    images: int
    prompt_bytes: int


class ModelRequest(_Value):
    """One call. `max_output_tokens` is always sent: it bounds what the call can cost.

    The results of an answer's tool calls stand right behind it, one for each, in the order of the calls.
    """

    model: str
    system: str = ""
    messages: tuple[Message, ...]
    max_output_tokens: int = Field(gt=0)
    temperature: float | None = Field(default=None, ge=0, le=1)
    tools: tuple[ToolSpec, ...] = ()
    timeout_s: float = Field(default=120, gt=0)

    @model_validator(mode="after")
    def _each_call_has_its_result(self) -> Self:
        """Every vendor refuses what is not so; one of them only after the call was paid for."""
        owed: list[str] = []
        for message in self.messages:
            if message.role == "tool":
                if not owed or owed.pop(0) != message.tool_call_id:
                    raise ValueError(f"the result of tool call {message.tool_call_id} does not stand where it belongs")
                continue
            if owed:
                raise ValueError(f"tool call {owed[0]} has no result")
            if message.tool_calls and message.role != "assistant":
                raise ValueError("only an assistant's turn has tool calls")
            owed = [call.id for call in message.tool_calls]
        if owed:
            raise ValueError(f"tool call {owed[0]} has no result")
        return self

    def prompt_bytes(self) -> int:
        return prompt_bytes(self.system, self.messages, self.tools)

    def frame(self) -> Frame:
        return Frame(
            self.model,
            self.max_output_tokens,
            self.temperature,
            bool(self.tools),
            image_count(self.messages),
            self.prompt_bytes(),
        )


def image_count(messages: Iterable[Message]) -> int:
    return sum(len(message.images) for message in messages)


def prompt_bytes(system: str, messages: Iterable[Message], tools: Iterable[ToolSpec]) -> int:
    """Bytes of what the model reads: system prompt, turns and the tools' schemas."""
    schemas = sum(len(tool.model_dump_json().encode()) for tool in tools)
    return len(system.encode()) + sum(message.size() for message in messages) + schemas


class Usage(_Value):
    """Tokens as billed. `input_tokens` includes cached ones; `output_tokens` includes reasoning."""

    input_tokens: int = Field(ge=0)
    output_tokens: int = Field(ge=0)
    cache_read_tokens: int = Field(default=0, ge=0)
    cache_write_tokens: int = Field(default=0, ge=0)
    reasoning_tokens: int = Field(default=0, ge=0)


class ModelAnswer(_Value):
    """What came back. `finish`: why the model stopped; `finish_detail`: the vendor's own word for it, and its sentence.

    `usage` None: the vendor gave none, or one that is no count. `text` holds neither thoughts nor a refusal. `native`:
    the body of a `NativeTurn`, where the vendor wants more back than text and calls.
    """

    text: Unicode
    tool_calls: tuple[ToolCall, ...] = ()
    native: Unicode | None = None
    usage: Usage | None
    finish: Finish
    finish_detail: Unicode = ""
    model: Unicode
    vendor_request_id: Unicode | None = None


class Capabilities(_Value):
    """What a provider says of one of its models. None: it does not say."""

    tools: bool | None = None
    vision: bool | None = None
    context_tokens: int | None = Field(default=None, gt=0)


class TextDelta(_Value):
    """A piece of text of a streamed answer; the stream ends with the whole `ModelAnswer`."""

    text: str


class EmbeddingRequest(_Value):
    """Texts, each of which is to have its vector. `dimensions`: how many numbers a vector is to have; None: as many as
    the model gives."""

    model: str
    texts: tuple[Unicode, ...] = Field(min_length=1)
    dimensions: int | None = Field(default=None, gt=0)
    timeout_s: float = Field(default=60, gt=0)


class Embedded(_Value):
    """A vector for each text, in their order, all of one length. `tokens`: those of the texts, as billed; None: the
    vendor does not say."""

    vectors: tuple[tuple[float, ...], ...]
    tokens: int | None = Field(default=None, ge=0)


@runtime_checkable
class EmbeddingClient(Protocol):
    """A provider that makes vectors of texts. Failures are those of `ModelClient`."""

    async def embed(self, request: EmbeddingRequest) -> Embedded: ...


@runtime_checkable
class ModelClient(Protocol):
    """One provider. Every failure is raised as a `vapora.errors.ProviderError`; nothing is retried here."""

    provider: Provider
    simulated: bool

    async def complete(self, request: ModelRequest) -> ModelAnswer: ...

    def stream(self, request: ModelRequest) -> AsyncIterator[TextDelta | ModelAnswer]:
        """Yields deltas, then the complete answer with its usage as the last item."""
        ...

    def request_bytes(self, request: ModelRequest) -> int:
        """Length of the request's body in UTF-8 bytes, as sent to the vendor (upper bound). With the data of its images
        where they hold any: what those count as is a number of tokens, whatever their length."""
        ...

    def wire(self, model: str) -> str:
        """Names the form in which this model is told what is said. It is the same, byte for byte, for all models of one
        form, whichever client has them: so it is measured once for all of them."""
        ...

    def said_bytes(self, request: ModelRequest) -> int:
        """The part of `request_bytes` that what is said takes: system prompt, turns and tools."""
        ...

    def frame_bytes(self, frame: Frame) -> int:
        """The rest of `request_bytes`. Cheap: it does not look at what is said."""
        ...

    async def ping(self) -> None:
        """Cheap reachability check that costs nothing; raises a `ProviderError` when down."""
        ...

    async def capabilities(self, model: str) -> Capabilities:
        """What the provider says of its model, for those that the catalogue does not know; raises a `ProviderError`."""
        ...

    async def aclose(self) -> None: ...
