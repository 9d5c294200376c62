"""`treadle run dead-letters`: keeps the store of dead letters up to date."""

from __future__ import annotations

from sqlalchemy.exc import DatabaseError

from monitor.dead_letters.follow import follow_until
from streams.errors import ConfigError
from streams.process import logs
from streams.process.signals import asked_to_stop
from treadle.database import engine, refusal
from treadle.settings import Settings


def start_dead_letters(settings: Settings) -> None:
    """Keep the store up to date until asked to stop. Raises TreadleError."""
    logs.configure(settings.log_level)
    stop = asked_to_stop()
    database = engine(settings.database_url(), pool_size=1)
    try:
        follow_until(stop, database, settings.kafka_properties())
    except DatabaseError as error:
        raise ConfigError(f"{refusal(error)}. Has `treadle migrate` been run?") from error
    finally:
        database.dispose()
