"""The router chooses a model for each call and makes the call."""

from actors.llm_router.router import LLMRouter

__all__ = ["LLMRouter"]
