"""Fakes that ship with VAPORA: small real implementations, no mocks."""

from vapora.testing.wire.exchange import KEYS
from vapora.testing.wire.script import Answer, Behaviour, Bill, Fault, Gate, Ledger, Raw, Received
from vapora.testing.wire.server import FakeVendors

__all__ = ["KEYS", "Answer", "Behaviour", "Bill", "FakeVendors", "Fault", "Gate", "Ledger", "Raw", "Received"]
