"""From what a run has recorded to the turns of its conversation: the same events make the same turns, byte for byte."""

from __future__ import annotations

from collections.abc import Callable

from events.content import Content
from events.run import ModelCalled, ToolRequested
from vapora.llm.protocol import Message, NativeTurn, ToolCall


def answered(event: ModelCalled, text: Callable[[Content], str]) -> Message:
    """The turn of an answer. `text` reads what an event names."""
    native = None
    if event.native is not None:
        native = NativeTurn(provider=event.provider, body=text(event.native), tokens=event.tokens.output)
    calls = tuple(ToolCall(**call.model_dump()) for call in event.tool_calls)
    return Message(role="assistant", text=text(event.answer), tool_calls=calls, native=native)


def result(call: ToolRequested, text: str, *, failed: bool = False) -> Message:
    """The turn of a tool's result. `failed`: it did not do what was asked, and `text` says why."""
    return Message(role="tool", text=text, tool_call_id=call.id, tool_name=call.name, failed=failed)
