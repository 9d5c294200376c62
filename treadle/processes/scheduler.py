"""`treadle run scheduler`: opens what the scheduler needs, and runs it."""

from __future__ import annotations

from scheduler.ring import ring_until
from scheduler.schedules import SCHEDULES
from streams.kafka.producer import Producer
from streams.process import logs
from streams.process.signals import asked_to_stop
from treadle.database import engine
from treadle.settings import Settings


def start_scheduler(settings: Settings, *, run_now: bool) -> None:
    """Run a scheduler until it is asked to stop. Raises TreadleError."""
    logs.configure(settings.log_level)
    stop = asked_to_stop()
    database = engine(settings.database_url(), pool_size=1)
    producer = Producer(settings.kafka_properties())
    try:
        ring_until(stop, SCHEDULES, database, producer, run_now=run_now)
    finally:
        producer.close()
        database.dispose()
