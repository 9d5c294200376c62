"""What follows from events and ticks. Importing this package declares every agent."""

from streams.agents import polls

__all__ = ["polls"]
