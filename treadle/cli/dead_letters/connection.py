"""What every command about dead letters begins with: the store, brought up to date, and the way to Kafka."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError, ProgrammingError

from monitor.dead_letters.follow import Progress, catch_up
from streams.errors import ConfigError
from streams.kafka.producer import Producer
from treadle.database import engine, refusal
from treadle.settings import Settings


@dataclass(frozen=True)
class Connection:
    """The open store, and the properties of Kafka's clients."""

    database: Engine
    kafka: dict[str, Any]

    @contextmanager
    def producer(self) -> Iterator[Producer]:
        """A producer, closed afterwards."""
        producer = Producer(self.kafka)
        try:
            yield producer
        finally:
            producer.close()


@contextmanager
def connect(
    settings: Settings, *, rebuild: bool = False, progress: Progress | None = None
) -> Iterator[Connection]:
    """Open the store as the topics are now. Raises ConfigError for what is missing, and what the database refuses."""
    kafka = settings.kafka_properties()
    database = engine(settings.database_url(), pool_size=1)
    try:
        catch_up(database, kafka, rebuild=rebuild, **({"progress": progress} if progress else {}))
        yield Connection(database, kafka)
    except ProgrammingError as error:
        raise ConfigError(f"{refusal(error)}. Has `treadle migrate` been run?") from error
    except DatabaseError as error:
        raise ConfigError(refusal(error)) from error
    finally:
        database.dispose()
