"""`treadle run consumer`: builds the parts of a consumer and runs it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from consumers.fetching.kafka_fetcher import FetcherSettings, KafkaFetcher
from consumers.fetching.membership import Membership
from consumers.process import ConsumerProcess, ConsumerSettings
from consumers.signals import Signals
from streams.errors import ConfigError
from streams.job import Queue
from streams.process import logs
from streams.topics import Topics
from treadle.processes.performer import child_performer, make_performer
from treadle.processes.stdout import keep_lines_whole
from treadle.settings import Settings


@dataclass(frozen=True)
class ConsumerOptions:
    """The options of a consumer, as in `treadle run consumer --help`. `drain` is in seconds."""

    queues: str | None
    slots: int
    async_limit: int
    drain: float
    http: str | None


def start_consumer(settings: Settings, options: ConsumerOptions) -> None:
    """Run a consumer until it is asked to stop. Raises TreadleError."""
    logs.configure(settings.log_level)
    topics = settings.planned_topics()
    weights = choose_queues(options.queues, topics)
    kafka = settings.kafka_properties()
    consumer = ConsumerSettings(
        kafka=kafka,
        tiers=topics.tiers,
        weights=weights,
        slots=options.slots,
        async_limit=options.async_limit,
        drain=timedelta(seconds=options.drain),
        http=options.http,
    )
    fetching = FetcherSettings(kafka, membership=Membership(settings.group), static_id=settings.static_member)
    signals = Signals()
    signals.install()  # whatever comes while the parts are built is obeyed once they are
    performer = make_performer(settings, options.slots, stopping=lambda: signals.draining)
    keep_lines_whole()
    fetchers = [KafkaFetcher(queue, fetching) for queue in weights]
    ConsumerProcess(consumer, fetchers, performer, signals, child_performer).run()


def choose_queues(text: str | None, topics: Topics) -> dict[Queue, int]:
    """Queues and weights from "critical=10,high"; None for all, with the weights of topics.yaml."""
    if text is None:
        return topics.weights
    chosen = {}
    for part in text.split(","):
        name, equals, weight = part.strip().partition("=")
        if name not in list(Queue) or (equals and not (weight.isdecimal() and int(weight))):
            raise ConfigError(
                f"--queues {text}: write it as critical=10,high=6; the queues are {', '.join(Queue)}"
            )
        chosen[Queue(name)] = int(weight) if equals else topics.weights[Queue(name)]
    return chosen
