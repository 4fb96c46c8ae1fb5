"""What the router says to a model, whichever vendor serves it.

The adapters in this package translate these values to the four official SDKs and back; nothing else
in the house knows a vendor's shapes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field, JsonValue

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


class Message(_Value):
    """One turn. A `tool` message carries the result of the call `tool_call_id`."""

    role: Literal["user", "assistant", "tool"]
    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    tool_name: str | None = None


class ModelRequest(_Value):
    """One call. `max_output_tokens` is always sent: it bounds what the call can cost."""

    model: str
    system: str = ""
    messages: tuple[Message, ...]
    max_output_tokens: int = Field(gt=0)
    temperature: float | None = Field(default=None, ge=0, le=1)
    tools: tuple[ToolSpec, ...] = ()
    timeout_s: float = Field(default=120, gt=0)


class Usage(_Value):
    """Tokens as billed. `input_tokens` includes cached ones; `output_tokens` includes reasoning."""

    input_tokens: int = Field(ge=0)
    output_tokens: int = Field(ge=0)
    cache_read_tokens: int = Field(default=0, ge=0)
    cache_write_tokens: int = Field(default=0, ge=0)
    reasoning_tokens: int = Field(default=0, ge=0)


class ModelAnswer(_Value):
    """What came back. `finish`: why the model stopped; `finish_detail`: the vendor's own word for it, and its sentence.

    `usage` None: the vendor gave none, or one that is no count. `text` holds neither thoughts nor a refusal.
    """

    text: Unicode
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage | None
    finish: Finish
    finish_detail: Unicode = ""
    model: Unicode
    vendor_request_id: Unicode | None = None


class TextDelta(_Value):
    """A piece of text of a streamed answer; the stream ends with the whole `ModelAnswer`."""

    text: str


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
        """Length of the request's body in UTF-8 bytes, as sent to the vendor (upper bound)."""
        ...

    async def ping(self) -> None:
        """Cheap reachability check that costs nothing; raises a `ProviderError` when down."""
        ...

    async def aclose(self) -> None: ...
