"""A request is measured in two parts, so that what is said is serialised once for all models that are told it alike."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from events.ids import PROVIDERS, Provider
from tests.llm.conftest import MODELS, SEARCH
from vapora.llm import factory
from vapora.llm.catalogue import shipped
from vapora.llm.protocol import Image, Message, ModelClient, ModelRequest, NativeTurn, ToolCall
from vapora.llm.rehearsal import RehearsalClient

REAL = factory.clients({"ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "k", "GEMINI_API_KEY": "k", "OLLAMA_HOST": "x"})
CLIENTS: tuple[ModelClient, ...] = (*REAL.values(), RehearsalClient(Provider.GEMINI))
OLDER = ("gemini-2.5-pro", "gpt-4.1-mini", "gpt-5.6-luna")

texts = st.text(max_size=200).map(lambda text: text.encode(errors="ignore").decode())
PICTURE = Image(name="a.png", media_type="image/png", digest="d" * 64)
NATIVE = NativeTurn(provider=Provider.ANTHROPIC, body='[{"type":"thinking","thinking":"…","signature":"s"}]', tokens=9)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    said: list[Message] = []
    for number in range(draw(st.integers(1, 4))):
        said.append(Message(role="user", text=draw(texts), images=(PICTURE,) if draw(st.booleans()) else ()))
        call = ToolCall(id=f"call_{number}", name="search", arguments={"where": draw(texts)})
        native = NATIVE if draw(st.booleans()) else None
        said.append(Message(role="assistant", text=draw(texts), tool_calls=(call,), native=native))
        said.append(Message(role="tool", text=draw(texts), tool_call_id=call.id, failed=draw(st.booleans())))
    return tuple(said)


requests = st.builds(
    ModelRequest,
    model=st.sampled_from([*MODELS.values(), *OLDER, *(spec.model for spec in shipped().models)]),
    system=texts,
    messages=conversations(),
    max_output_tokens=st.integers(1, 200_000),
    temperature=st.none() | st.sampled_from([0.0, 0.25, 1.0]),
    tools=st.sampled_from([(), (SEARCH,), (SEARCH, SEARCH)]),
)


@given(st.sampled_from(CLIENTS), requests)
def test_the_two_parts_are_the_whole_to_the_byte(client: ModelClient, request: ModelRequest) -> None:
    assert client.said_bytes(request) + client.frame_bytes(request.frame()) == client.request_bytes(request)


@given(requests, st.sampled_from(CLIENTS), st.sampled_from([*MODELS.values(), *OLDER]), st.integers(1, 200_000))
def test_models_of_one_form_are_told_the_same(
    request: ModelRequest, client: ModelClient, model: str, limit: int
) -> None:
    other = request.model_copy(update={"model": model, "max_output_tokens": limit, "temperature": None})
    if client.wire(model) == client.wire(request.model):
        assert client.said_bytes(other) == client.said_bytes(request)


def test_each_provider_has_forms_of_its_own_and_the_rehearsal_has_one() -> None:
    forms = {client.wire(MODELS[provider]) for provider, client in REAL.items()}
    assert len(forms) == len(PROVIDERS) == len(REAL)
    assert REAL[Provider.GEMINI].wire("gemini-2.5-pro") not in forms
    assert len({RehearsalClient(provider).wire("any") for provider in PROVIDERS}) == 1
