"""Makes a stack ready for work: the topics of topics.yaml, and Treadle's own tables."""

from __future__ import annotations

from typing import Protocol

from treadle.settings import read_settings


class Place(Protocol):
    """Where Kafka (bootstrap servers) and PostgreSQL (URL) are."""

    @property
    def kafka(self) -> str: ...

    @property
    def database(self) -> str: ...


def prepare(place: Place) -> None:
    """Apply topics.yaml and our migrations. Harmless when repeated. Raises ConfigError."""
    from streams.topic_plan import TopicAdmin
    from treadle.database import migrate

    admin = TopicAdmin({"bootstrap.servers": place.kafka})
    admin.apply(admin.plan(read_settings().planned_topics()))
    migrate(place.database)
