"""Prepares a stack: the topics of topics.yaml, and Treadle's own tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from treadle.settings import read_settings

if TYPE_CHECKING:
    from treadle.dev.local.stack import Stack


def prepare(stack: Stack) -> None:
    """Prepare what the stack started itself. Given servers are left to their owner: `topics apply`, `migrate`.

    Harmless when repeated. Raises ConfigError.
    """
    status = stack.status()
    if not status.kafka.given:
        prepare_kafka(stack.kafka)
    if not status.database.given:
        prepare_database(stack.database)


def prepare_kafka(servers: str) -> None:
    """Apply topics.yaml to the Kafka at these bootstrap servers."""
    from streams.kafka.topic_admin import TopicAdmin

    admin = TopicAdmin({"bootstrap.servers": servers})
    admin.apply(admin.plan(read_settings().planned_topics()))


def prepare_database(url: str) -> None:
    """Bring Treadle's own tables in this database up to date."""
    from treadle.migrations.upgrade import migrate

    migrate(url)
