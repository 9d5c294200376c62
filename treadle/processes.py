"""The composition root: reads the settings, builds the parts of each process, and hands them down."""

from __future__ import annotations

import signal
import threading

from streams import logs
from streams.errors import ConfigError
from streams.job import Queue
from streams.topics import Topics
from treadle.catalogue import load_workers
from treadle.database import engine
from treadle.settings import Settings
from treadle.stdout import keep_lines_whole


def start_consumer(settings: Settings, *, queues: str | None, slots: int) -> None:
    """Run a consumer until it is asked to stop. Raises TreadleError."""
    from consumers.attempt import Performer
    from consumers.once import NoDatabase, OnceTransactions
    from consumers.runtime import ConsumerSettings, run_consumer
    from consumers.worker import declared

    logs.configure(settings.log_level)
    weights = choose_queues(queues, settings.planned_topics())
    kinds = load_workers(settings.workers)
    database = engine(settings.database, pool_size=slots) if settings.database else None
    transactions = OnceTransactions(database) if database else NoDatabase()
    keep_lines_whole()
    run_consumer(
        ConsumerSettings(settings.kafka_properties(), weights, slots),
        Performer(kinds, declared, transactions),
    )


def choose_queues(text: str | None, topics: Topics) -> dict[Queue, int]:
    """Queues and their shares from "critical=10,high"; from None all, with the shares of topics.yaml."""
    if text is None:
        return topics.weights
    chosen = {}
    for part in text.split(","):
        name, equals, weight = part.strip().partition("=")
        if name not in list(Queue) or (equals and not (weight.isdecimal() and int(weight))):
            raise ConfigError(
                f"--queues {text}: write it as critical=10,high=6; there are {', '.join(Queue)}"
            )
        chosen[Queue(name)] = int(weight) if equals else topics.weights[Queue(name)]
    return chosen


def start_agents(settings: Settings) -> None:
    """Run the agents until they are asked to stop; ends the process."""
    from streams.agent import declared
    from streams.app import build_app, run_app
    from streams.producer import Producer

    logs.configure(settings.log_level)
    load_workers(settings.workers)
    kafka = settings.kafka_properties()
    run_app(build_app(kafka, declared, Producer(kafka)))


def start_scheduler(settings: Settings, *, ring_now: bool) -> None:
    """Run a scheduler until it is asked to stop. Raises TreadleError."""
    from scheduler.ring import ring_until
    from scheduler.schedules import SCHEDULES
    from streams.producer import Producer

    logs.configure(settings.log_level)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    database = engine(settings.database_url(), pool_size=1)
    producer = Producer(settings.kafka_properties())
    try:
        ring_until(stop, SCHEDULES, database, producer, ring_now=ring_now)
    finally:
        producer.close()
        database.dispose()
