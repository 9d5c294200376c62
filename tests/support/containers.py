"""Kafka and PostgreSQL in containers, for machines with Docker: TREADLE_TEST_STACK=containers."""

from collections.abc import Iterator
from contextlib import contextmanager

from testcontainers.kafka import KafkaContainer
from testcontainers.postgres import PostgresContainer


@contextmanager
def containers() -> Iterator[tuple[str, str]]:
    """Bootstrap servers of a broker, and the libpq URL of an administrator's database."""
    broker = KafkaContainer("confluentinc/cp-kafka:8.1.0").with_kraft()
    broker = broker.with_env("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false")
    broker = broker.with_env("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", "0")
    with broker, PostgresContainer("postgres:18", driver=None) as server:
        yield broker.get_bootstrap_server(), server.get_connection_url()
