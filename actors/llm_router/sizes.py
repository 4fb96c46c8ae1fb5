"""How long a call's requests are, for whichever model: what is said is measured once for each form that it is sent in.

The longest part of a request is the conversation, and most models of a call are sent the same one. So a choice among
all models serialises it once for each vendor, not once for each model.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from actors.messages import Call
from events.ids import Provider
from vapora.domain import conversation
from vapora.domain.conversation import LONGEST_BYTES
from vapora.domain.models import ModelSpec
from vapora.domain.pricing import BYTES_PER_TOKEN
from vapora.domain.routing import Needs
from vapora.llm.protocol import Frame, Message, ModelClient, ModelRequest, image_count, prompt_bytes
from vapora.llm.turns import fitted, shown, sizes


class _Form(NamedTuple):
    """What a model is sent of the conversation: whether with its images, and cut to how many bytes (None: all)."""

    with_images: bool
    limit: int | None


class _Sent(NamedTuple):
    """`thoughts`: tokens of the turns that go back in a provider's own form."""

    messages: tuple[Message, ...]
    images: int
    prompt_bytes: int
    thoughts: Counter[Provider]


_ALL, _ALL_WITH_IMAGES = _Form(False, None), _Form(True, None)


class CallSizes:
    """Of one call, and whoever asks the same twice is told what was found the first time."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._has_tools = bool(call.tools)
        self._around = prompt_bytes(call.system, (), call.tools)
        self._turns = sizes(call.messages)
        self._whole = sum(turn.size + turn.thoughts for turn in self._turns)
        self._images = image_count(call.messages)
        self._sent: dict[_Form, _Sent] = {}
        self._said: dict[tuple[str, _Form], int] = {}

    def is_of(self, call: Call) -> bool:
        """Whether what was measured of one call holds for another: all that its requests are made of is the same."""
        mine = self._call
        return (
            mine.max_output_tokens == call.max_output_tokens
            and mine.temperature == call.temperature
            and mine.system == call.system
            and mine.tools == call.tools
            and mine.messages == call.messages
        )

    def needs(self) -> Needs:
        """The prompt at two bytes a token, whichever model it goes to; with tools, the least of it."""
        call = self._call
        turns = conversation.least(self._turns) if call.tools else self._whole
        prompt = (self._around + turns) // BYTES_PER_TOKEN
        return Needs(prompt, call.max_output_tokens, tools=self._has_tools, images=self._images)

    def room(self, spec: ModelSpec) -> int:
        """The limit on output tokens that the request to this model carries."""
        return min(self._call.max_output_tokens, spec.output_tokens)

    def messages(self, spec: ModelSpec) -> tuple[Message, ...]:
        """What this model is sent of the conversation, without the bytes of its images."""
        form = self._form(spec)
        return (self._sent.get(form) or self._sent_to(form)).messages

    def counted_bytes(self, spec: ModelSpec, client: ModelClient) -> int:
        """From the length of the very body that would be sent. Thoughts in it may count as many tokens as when they
        were written, however short they are there. An image counts as the most that its vendor documents, in place of
        its bytes."""
        call, form = self._call, self._form(spec)
        sent = self._sent.get(form) or self._sent_to(form)
        key = (client.wire(spec.model), form)
        said = self._said.get(key)
        if said is None:
            said = self._said[key] = client.said_bytes(self._request(spec, sent.messages))
        room, images = self.room(spec), sent.images
        size = said + client.frame_bytes(
            Frame(spec.model, room, call.temperature, self._has_tools, images, sent.prompt_bytes)
        )
        if sent.thoughts or images:
            size += BYTES_PER_TOKEN * (sent.thoughts[spec.provider] + spec.tokens_of(images))
        return size

    def _form(self, spec: ModelSpec) -> _Form:
        """With tools, as much of the conversation as the model can read beside its answer."""
        with_images = bool(spec.vision) and self._images > 0
        if not self._has_tools:
            return _ALL_WITH_IMAGES if with_images else _ALL
        left = (spec.context_tokens - self.room(spec) - spec.tokens_of(self._images)) * BYTES_PER_TOKEN
        limit = min(left - self._around, LONGEST_BYTES)
        if self._whole <= limit:
            return _ALL_WITH_IMAGES if with_images else _ALL
        return _Form(with_images, limit)

    def _sent_to(self, form: _Form) -> _Sent:
        messages = shown(self._call.messages, {} if form.with_images else None)
        length = self._whole
        if form.limit is not None:
            messages = fitted(messages, form.limit)
            length = prompt_bytes("", messages, ())
        thoughts = Counter[Provider]()
        for one in messages:
            if one.native is not None:
                thoughts[one.native.provider] += one.native.tokens
        sent = _Sent(messages, image_count(messages), self._around + length, thoughts)
        self._sent[form] = sent
        return sent

    def _request(self, spec: ModelSpec, messages: tuple[Message, ...]) -> ModelRequest:
        call = self._call
        return ModelRequest(
            model=spec.model,
            system=call.system,
            messages=messages,
            max_output_tokens=self.room(spec),
            temperature=call.temperature,
            tools=call.tools,
        )
