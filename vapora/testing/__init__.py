"""Fakes that ship with VAPORA: small real implementations, no mocks."""

from vapora.testing.wire import FakeVendors
from vapora.testing.wire_exchange import KEYS
from vapora.testing.wire_script import Answer, Behaviour, Bill, Fault, Gate, Ledger, Raw, Received

__all__ = ["KEYS", "Answer", "Behaviour", "Bill", "FakeVendors", "Fault", "Gate", "Ledger", "Raw", "Received"]
