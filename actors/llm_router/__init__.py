"""The router: chooses a model by rules, budget and health, and makes every call."""

from actors.llm_router.own_keys import OwnKeys
from actors.llm_router.router import LLMRouter

__all__ = ["LLMRouter", "OwnKeys"]
