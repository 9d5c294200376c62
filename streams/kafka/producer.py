"""Sends messages and reports when Kafka has acknowledged them: one, or many with a single wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import Producer as KafkaProducer

from streams.envelope import Envelope
from streams.errors import NotDelivered
from streams.kafka.client import through_our_log
from streams.message import Message
from streams.moments import epoch_ms
from streams.tiers import Tiers
from streams.wire.jobs import encode_job

_NO_LIMIT = 1_000_000_000
"""Bytes; the client's maximum. The client measures a message before compression, a topic's limit applies after it:
whatever could be read from a topic must be able to become a dead letter, so the broker decides what is too large."""

Done = Callable[[NotDelivered | None], None]
"""Called once, from one of the producer's threads, when all messages are acknowledged or one has failed."""


class Sender(Protocol):
    """What sends messages: `Producer`, or a fake in tests."""

    def send(self, messages: Iterable[Message]) -> None:
        """Send, and return when all are acknowledged. Raises NotDelivered."""

    def send_then(self, messages: Sequence[Message], done: Done) -> None:
        """Send, return immediately, and call `done` later."""


class Producer:
    """An idempotent producer, `acks=all`. Thread-safe. Close it, or lose what is still unsent.

    `kafka` holds librdkafka's properties, at least `bootstrap.servers`. A message that is not acknowledged within
    `patience` counts as not delivered.
    """

    def __init__(self, kafka: Mapping[str, Any], *, patience: timedelta = timedelta(seconds=30)) -> None:
        self._producer = KafkaProducer(
            {
                "enable.idempotence": True,
                "acks": "all",
                "compression.type": "lz4",
                "linger.ms": 0,  # messages that wait while a request is in flight are batched anyway
                "partitioner": "murmur2_random",  # the same partition for a key as the Java clients
                "message.max.bytes": _NO_LIMIT,
                "queue.buffering.max.messages": 500_000,
                "delivery.timeout.ms": patience // timedelta(milliseconds=1),
                "topic.metadata.propagation.max.ms": 5_000,
                **through_our_log(),
                **kafka,
            }
        )
        self._closing = threading.Event()
        self._poller = threading.Thread(target=self._serve, name="producer", daemon=True)
        self._poller.start()

    def send(self, messages: Iterable[Message]) -> None:
        """Send, and return when all are acknowledged. Raises NotDelivered with the first reason."""
        result: list[NotDelivered | None] = []
        waiting = threading.Lock()  # the quickest way for one thread to wake another
        waiting.acquire()

        def done(failure: NotDelivered | None) -> None:
            result.append(failure)
            waiting.release()

        self.send_then(list(messages), done)
        waiting.acquire()
        if result[0] is not None:
            raise result[0]

    def send_then(self, messages: Sequence[Message], done: Done) -> None:
        """Send, return immediately, and call `done` when all are acknowledged or one has failed."""
        if not messages:
            done(None)
            return
        batch = _Batch(len(messages), done)
        for message in messages:
            self._produce(message, batch)

    def close(self) -> None:
        """Wait for what is in flight, then close the connection."""
        self._producer.flush()
        self._closing.set()
        self._poller.join()

    def _produce(self, message: Message, batch: _Batch) -> None:
        while True:
            try:
                self._producer.produce(
                    message.topic,
                    value=message.value,
                    key=message.key,
                    headers=message.headers,  # type: ignore[arg-type]  # the stub wants a union
                    partition=-1 if message.partition is None else message.partition,
                    on_delivery=batch.on_delivery,
                )
                return
            except BufferError:  # the local queue is full: the poller makes room as Kafka acknowledges
                self._producer.poll(0.1)
            except KafkaException as error:
                batch.on_delivery(error.args[0], None, message.topic)
                return

    def _serve(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(0.2)


class _Batch:
    """Counts the acknowledgements of messages that were sent together.

    Callbacks run on any thread that polls. No lock: `next` on a counter is atomic in CPython.
    """

    def __init__(self, waiting: int, done: Done) -> None:
        self._last = waiting
        self._number = count(1)
        self._done = done
        self._failures: list[NotDelivered] = []

    def on_delivery(self, error: KafkaError | None, message: Any, topic: str = "a topic") -> None:
        if error is not None:
            topic = message.topic() if message else topic
            reason = _advice(error)
            self._failures.append(NotDelivered(f"Kafka did not accept a message for {topic}: {reason}"))
        if next(self._number) == self._last:
            self._done(self._failures[0] if self._failures else None)


def enqueue(sender: Sender, envelopes: Sequence[Envelope], tiers: Tiers | None = None) -> list[str]:
    """Send jobs with one wait for all, and return their ids in the same order. Scheduled jobs need the `tiers`.

    Raises BadMessage when one is too large, before anything is sent; and NotDelivered.
    """
    messages = [encode_job(envelope) for envelope in envelopes]
    if tiers is not None:
        now = epoch_ms(datetime.now(UTC))
        messages = [tiers.send_to_wait(message, now) for message in messages]
    sender.send(messages)
    return [envelope.id for envelope in envelopes]


def _advice(error: KafkaError) -> str:
    if error.code() in (KafkaError._UNKNOWN_TOPIC, KafkaError.UNKNOWN_TOPIC_OR_PART):
        return "the topic does not exist. `treadle topics apply` creates it."
    if error.code() == KafkaError._UNKNOWN_PARTITION:
        return (
            "it is gone, or has fewer partitions than topics.yaml says. "
            "`treadle topics apply` creates what is missing."
        )
    if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
        return (
            "the message is larger than the topic's max.message.bytes. "
            "`treadle topics plan` shows whether that is intended, `treadle topics apply` sets it."
        )
    if error.code() in (KafkaError.NOT_ENOUGH_REPLICAS, KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND):
        return "fewer replicas are in sync than its min.insync.replicas. Are all brokers up?"
    if error.code() == KafkaError._MSG_TIMED_OUT:
        return (
            "no answer in time. Is Kafka up, and is TREADLE_KAFKA right? See `treadle check`. "
            "Or fewer brokers are up than the topic's min.insync.replicas."
        )
    return str(error.str())
