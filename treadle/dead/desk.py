"""What every command about dead letters starts with: the store, brought up to date, and the way to Kafka."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError, OperationalError, ProgrammingError

from consumers.orders import Orders
from streams.errors import ConfigError
from streams.producer import Producer
from treadle.database import engine, refusal
from treadle.dead.follow import Told, catch_up
from treadle.settings import Settings
from treadle.standing import standing_orders


@dataclass(frozen=True)
class Desk:
    """An open store and the properties of Kafka's clients."""

    database: Engine
    kafka: dict[str, Any]

    def orders(self) -> Orders:
        """The orders about single jobs that stand now. Raises ConfigError."""
        return standing_orders(self.kafka)

    @contextmanager
    def producer(self) -> Iterator[Producer]:
        """A producer for one errand."""
        producer = Producer(self.kafka)
        try:
            yield producer
        finally:
            producer.close()


@contextmanager
def desk(settings: Settings, *, rebuild: bool = False, told: Told | None = None) -> Iterator[Desk]:
    """The store as the topics are now. Raises ConfigError for what is missing, and what the database refuses."""
    kafka = settings.kafka_properties()
    database = engine(settings.database_url(), pool_size=1)
    try:
        catch_up(database, kafka, rebuild=rebuild, **({"told": told} if told else {}))
        yield Desk(database, kafka)
    except ProgrammingError as error:
        raise ConfigError(f"{refusal(error)}. Has `treadle migrate` been run?") from error
    except (OperationalError, DatabaseError) as error:
        raise ConfigError(refusal(error)) from error
    finally:
        database.dispose()
