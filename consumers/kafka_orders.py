"""Reads `treadle.orders` from its start, and goes on listening, on a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from consumers.orders import Orders
from streams.errors import ConfigError, NotDelivered, TreadleError
from streams.logs import kafka_client
from streams.producer import Sender
from streams.topics import ORDERS

log = structlog.get_logger()

_ANSWER = 10.0  # seconds that the broker has for an answer


class KafkaOrders:
    """Keeps `orders` up to date. Once `start` has returned, every order given before it is known."""

    def __init__(
        self, kafka: Mapping[str, Any], orders: Orders, sender: Sender, fail: Callable[[TreadleError], None]
    ) -> None:
        self._orders = orders
        self._sender = sender
        self._fail = fail
        self._closing = threading.Event()
        self._consumer = Consumer(
            {
                "group.id": "treadle.orders",  # never joined: every process reads all
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "session.timeout.ms": 6_000,  # no group, no session; but max.poll.interval.ms may not be less
                "auto.offset.reset": "earliest",
                "fetch.queue.backoff.ms": 5,
                **kafka_client(),
                **kafka,
            }
        )
        self._unread: dict[int, int] = {}
        """Partitions that have not been read to what was their end when we started."""
        self._thread = threading.Thread(target=self._run, name="orders", daemon=True)

    def start(self) -> None:
        """Read what there is, then listen. Raises ConfigError when the topic is missing or nobody answers."""
        give_up_at = time.monotonic() + _ANSWER
        ends = self._ends(give_up_at)
        self._unread = {number: end for number, (begin, end) in ends.items() if begin < end}
        self._consumer.assign([TopicPartition(ORDERS, number, OFFSET_BEGINNING) for number in ends])
        while self._unread:
            if time.monotonic() > give_up_at:
                raise ConfigError(f"{ORDERS} could not be read within {_ANSWER:.0f} s. Is Kafka up?")
            self._turn(0.1)
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._consumer.close()

    def _ends(self, give_up_at: float) -> dict[int, tuple[int, int]]:
        """Where each partition begins and ends. A broker that has only just come up is asked again."""
        while True:
            try:
                found = self._consumer.list_topics(ORDERS, timeout=_ANSWER).topics[ORDERS]
                if found.error is not None and found.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise ConfigError(f"topic {ORDERS} does not exist: `treadle topics apply` makes it")
                if found.error is not None:
                    raise KafkaException(found.error)
                places = [TopicPartition(ORDERS, number) for number in found.partitions]
                ask = self._consumer.get_watermark_offsets
                return {place.partition: ask(place, timeout=_ANSWER) for place in places}
            except KafkaException as error:
                if time.monotonic() > give_up_at:
                    raise ConfigError(f"Kafka does not answer: {error.args[0].str()}. Is it up?") from error
                time.sleep(0.05)

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._turn(0.2)  # an order is here as soon as it is fetched; this only bounds the end
                if due := self._orders.due():
                    self._sender.send_then(due, _log_failure)
        except Exception as error:
            log.exception("orders_failed")
            self._fail(TreadleError(f"{ORDERS} is no longer read: {error}"))

    def _turn(self, patience: float) -> None:
        first = self._consumer.poll(patience)
        messages: list[Any] = [first, *self._consumer.consume(500, timeout=0)] if first is not None else []
        for message in messages:
            error = message.error()
            if error is None:
                self._orders.take(message.key(), message.value())
                self._has_read(message.partition(), message.offset() + 1)
            elif error.code() == KafkaError._PARTITION_EOF:  # what lay before the end may have been compacted
                self._unread.pop(message.partition(), None)
            else:
                log.warning("orders_not_fetched", error=error.str())

    def _has_read(self, partition: int, to: int) -> None:
        if self._unread and to >= self._unread.get(partition, 0):
            self._unread.pop(partition, None)


def _log_failure(failure: NotDelivered | None) -> None:
    if failure:
        log.warning("order_not_forgotten", error=str(failure))
