"""An agent carries out runs: it asks the router for each step and records the result."""

from actors.agent.agent import Agent

__all__ = ["Agent"]
