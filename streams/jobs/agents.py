"""Jobs about agents."""

from typing import Any

from streams.job import Job


class React(Job, kind="agents.react"):
    """Run one agent on one fact again, because its reaction failed.

    `topic` and `fact` are the topic and the value of the fact's message.
    """

    agent: str
    topic: str
    fact: dict[str, Any]
