"""Whether the usage that a vendor reports can be true.

What cannot be true is not booked: the call's worst case is, which was reserved for it, and the event says so. A vendor
that bills more than the worst case, but no more than its model can read and write, is taken at its word, and recorded
as overcharging.
"""

from __future__ import annotations

from typing import Protocol

from vapora.domain.models import ModelSpec
from vapora.domain.pricing import TokenCounts


class Counts(TokenCounts, Protocol):
    @property
    def reasoning_tokens(self) -> int: ...


def doubt(usage: Counts | None, spec: ModelSpec, *, answered: bool) -> str | None:
    """Why `usage` cannot be what the call cost; None where it can. `answered`: there is a text, or a call of a tool.

    Ollama leaves out the tokens of a prompt that it had cached, so what is free may have none.
    """
    if usage is None:
        return "the vendor gave no usage, or one that is no count of tokens"
    prompt, output = usage.input_tokens, usage.output_tokens
    if prompt == 0 and not spec.free:
        return "0 input tokens for a prompt that is not empty"
    if output == 0 and answered:
        return "0 output tokens for an answer that is not empty"
    if prompt > spec.context_tokens:
        return f"{prompt} input tokens, where the model reads {spec.context_tokens} at most"
    if output > spec.output_tokens:
        return f"{output} output tokens, where the model writes {spec.output_tokens} at most"
    if usage.cache_read_tokens + usage.cache_write_tokens > prompt:
        return "more cached tokens than input tokens"
    if usage.reasoning_tokens > output:
        return "more reasoning tokens than output tokens"
    return None
