"""What ships for tests: of a person's own agents, and of VAPORA. Small real implementations, no mocks.

Names are imported when they are asked for: `given` needs nothing but pydantic, the wire fakes need `vapora[platform]`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vapora.testing.clock import VirtualClock
    from vapora.testing.scenario import Given, Outcome, Wishes, given, wish
    from vapora.testing.wire.exchange import KEYS
    from vapora.testing.wire.script import Answer, Behaviour, Bill, Fault, Gate, Ledger, Raw, Received
    from vapora.testing.wire.server import FakeVendors

_AT = {
    "VirtualClock": "clock",
    **dict.fromkeys(("Given", "Outcome", "Wishes", "given", "wish"), "scenario"),
    "KEYS": "wire.exchange",
    **dict.fromkeys(
        ("Answer", "Behaviour", "Bill", "Fault", "Gate", "Ledger", "Raw", "Received"),
        "wire.script",
    ),
    "FakeVendors": "wire.server",
}

__all__ = [
    "KEYS",
    "Answer",
    "Behaviour",
    "Bill",
    "FakeVendors",
    "Fault",
    "Gate",
    "Given",
    "Ledger",
    "Outcome",
    "Raw",
    "Received",
    "VirtualClock",
    "Wishes",
    "given",
    "wish",
]


def __getattr__(name: str) -> Any:
    if name in _AT:
        return getattr(import_module(f"{__name__}.{_AT[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
