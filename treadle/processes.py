"""The composition root: reads the settings, builds the parts of each process, and hands them down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from streams import logs
from streams.errors import ConfigError
from streams.job import Queue
from streams.signals import asked_to_stop
from streams.topics import Topics
from streams.tracing import tracer
from treadle.catalogue import load_workers
from treadle.settings import Settings, read_settings
from treadle.stdout import keep_lines_whole

if TYPE_CHECKING:
    from consumers.attempt import Performer


@dataclass(frozen=True)
class ConsumerOptions:
    """The command line of a consumer. `drain` is in seconds; see `treadle run consumer --help`."""

    queues: str | None = None
    slots: int = 20
    async_limit: int = 1_000
    drain: float = 25.0
    http: str | None = None


def start_consumer(settings: Settings, options: ConsumerOptions) -> None:
    """Run a consumer until it is asked to stop. Raises TreadleError."""
    from consumers.kafka_intake import IntakeSettings
    from consumers.membership import Membership
    from consumers.runtime import ConsumerProcess, ConsumerSettings

    logs.configure(settings.log_level)
    weights = choose_queues(options.queues, settings.planned_topics())
    intake = IntakeSettings(
        settings.kafka_properties(),
        membership=Membership(settings.group),
        static_id=settings.static_member,
    )
    made = ConsumerSettings(
        intake,
        settings.planned_topics().tiers,
        weights,
        options.slots,
        options.async_limit,
        timedelta(seconds=options.drain),
        options.http,
    )
    performer = make_performer(settings, options.slots)
    keep_lines_whole()
    ConsumerProcess(made, performer, child_performer).run()


def make_performer(settings: Settings, connections: int) -> Performer:
    """What performs jobs here: all kinds and workers there are, on Loomio's database if it is set."""
    from consumers.attempt import Performer
    from consumers.once import NoDatabase, OnceTransactions
    from consumers.worker import declared
    from treadle.database import engine

    kinds = load_workers(settings.workers)
    database = engine(settings.database, pool_size=connections) if settings.database else None
    transactions = OnceTransactions(database) if database else NoDatabase()
    return Performer(kinds, declared, transactions, tracer=tracer(settings.traces))


def child_performer() -> Performer:
    """As `make_performer`, in a child of the process pool."""
    settings = read_settings()
    logs.configure(settings.log_level)
    keep_lines_whole()
    return make_performer(settings, connections=1)


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


def start_retries(settings: Settings, *, http: str | None = None) -> None:
    """Serve the retry tiers until asked to stop. Raises TreadleError."""
    from consumers.membership import Membership
    from consumers.retries import RetriesProcess, RetriesSettings

    logs.configure(settings.log_level)
    kafka, tiers = settings.kafka_properties(), settings.planned_topics().tiers
    made = RetriesSettings(kafka, tiers, Membership(settings.group), settings.static_member, http)
    RetriesProcess(made).run(asked_to_stop())


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
    from treadle.database import engine

    logs.configure(settings.log_level)
    stop = asked_to_stop()
    database = engine(settings.database_url(), pool_size=1)
    producer = Producer(settings.kafka_properties())
    try:
        ring_until(stop, SCHEDULES, database, producer, ring_now=ring_now)
    finally:
        producer.close()
        database.dispose()


def start_dead_letters(settings: Settings) -> None:
    """Keep the store of dead letters up to date until asked to stop. Raises TreadleError."""
    from sqlalchemy.exc import DatabaseError

    from treadle.database import engine, refusal
    from treadle.dead.follow import follow_until

    logs.configure(settings.log_level)
    stop = asked_to_stop()
    database = engine(settings.database_url(), pool_size=1)
    try:
        follow_until(stop, database, settings.kafka_properties())
    except DatabaseError as error:
        raise ConfigError(f"{refusal(error)}. Has `treadle migrate` been run?") from error
    finally:
        database.dispose()
