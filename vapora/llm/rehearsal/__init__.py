"""The model that answers when no provider is configured."""

from vapora.llm.rehearsal.client import NOTICE, RehearsalClient

__all__ = ["NOTICE", "RehearsalClient"]
