"""The supervisor looks after the cells: opens those that are needed, and lets the others sleep."""

from actors.supervisor.supervisor import Supervisor

__all__ = ["Supervisor"]
