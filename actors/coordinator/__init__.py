"""The coordinator gives each task to an agent, and moves cards when runs end."""

from actors.coordinator.coordinator import SwarmCoordinator

__all__ = ["SwarmCoordinator"]
