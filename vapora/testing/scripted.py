"""The fake providers as people script them: by what a model says, and not by whose wire it goes over."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from events.ids import Provider
from vapora.testing.wire.script import Behaviour
from vapora.testing.wire.server import FakeVendors

# One is enough: whichever is asked says what is next.
_WHO = Provider.ANTHROPIC


def environ(vendors: FakeVendors) -> dict[str, str]:
    """What a VAPORA is configured by that asks these fakes, and nobody else."""
    return vendors.environ(_WHO)


def script(vendors: FakeVendors, *answers: Any) -> None:
    """What is said next, in order: see the fixture `vapora_script`."""
    vendors.script(_WHO, *map(_behaviour, answers))


def _behaviour(answer: Any) -> Any:
    if isinstance(answer, Behaviour) or callable(answer):
        return answer
    if isinstance(answer, BaseModel):
        return Behaviour(text=answer.model_dump_json())
    return Behaviour(text=answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False))
