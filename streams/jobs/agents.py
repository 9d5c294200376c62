"""Jobs about agents."""

from typing import Any

from streams.job import Job


class React(Job, kind="agents.react"):
    """Have one agent react to one fact again, because its reaction failed.

    `topic` is where the fact lay, `fact` what the message held.
    """

    agent: str
    topic: str
    fact: dict[str, Any]
