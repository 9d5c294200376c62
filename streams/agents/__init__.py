"""What follows from events and ticks: an event that leads to many jobs (notifications, mail, chat) is an agent here.

Importing this package declares every agent.
"""

from streams.agents import polls

__all__ = ["polls"]
