"""From what a run has recorded to the turns of its conversation, and what of them fits a model.

The same events make the same turns, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from events.content import Content
from events.run import ModelCalled, ToolRequested
from vapora.domain import conversation
from vapora.domain.conversation import Turn
from vapora.llm.protocol import Image, Message, NativeTurn, ToolCall, image_count


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


def fitted(messages: tuple[Message, ...], limit: int) -> tuple[Message, ...]:
    """The conversation cut by rule to at most so many bytes, if it can be (`vapora.domain.conversation`)."""
    told = conversation.cut(sizes(messages), limit)
    if not told.cut_at:
        return messages
    turns: list[Message] = []
    noted = not told.dropped
    for place, message in enumerate(messages):
        if not noted and message.role != "user":
            answers = sum(messages[one].role == "assistant" for one in told.dropped)
            turns.append(Message(role="user", text=_NOTE.format(answers=answers)))
            noted = True
        if place in told.dropped:
            continue
        if place in told.shortened:
            kind = "result" if message.role == "tool" else "message"
            text = f"[{kind} left out: {message.size()} bytes; ask again if you need it]"
            message = message.model_copy(update={"text": text})
        if place < told.cut_at and message.native is not None:
            message = message.model_copy(update={"native": None})
        turns.append(message)
    return tuple(turns)


def shown(messages: Sequence[Message], data: Mapping[str, str] | None) -> tuple[Message, ...]:
    """The conversation with the bytes of its images, as base64 by digest; None: for a model that cannot see, without
    them. Their names stand in the text."""
    if not image_count(messages):
        return tuple(messages)

    def images(message: Message) -> tuple[Image, ...]:
        if data is None:
            return ()
        return tuple(one.model_copy(update={"data": data.get(one.digest, "")}) for one in message.images)

    return tuple(one.model_copy(update={"images": images(one)}) if one.images else one for one in messages)


def sizes(messages: Sequence[Message]) -> list[Turn]:
    """Of each turn, as `vapora.domain.conversation` wants them."""
    native = (len(one.native.body.encode()) if one.native else 0 for one in messages)
    return [Turn(one.role, one.size() - more, more) for one, more in zip(messages, native, strict=True)]


_NOTE = (
    "[The next {answers} answers of this conversation are left out, with the results of their tools. What they changed "
    "is in the files; look there before you do something again.]"
)
