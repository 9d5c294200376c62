"""A member of a consumer group in the group study, in a process of its own, and the log that it writes.

It works like the fetcher: one thread polls, commits once a second, and commits in the revoke callback.
"""

from __future__ import annotations

import os
import signal
import struct
import threading
import time
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

TOPIC, PARTITIONS = "bench.groups", 12
EVERY = 0.02  # seconds between two records of a partition
ENTRY = struct.Struct("<diiq")  # moment (monotonic, of this machine), member, partition, offset
COMMIT_FAILED = -1  # instead of a partition


def work(address: str, group: str, properties: dict[str, Any], member: int, log: Path, busy: float) -> None:
    """Consume until SIGTERM, adding an `ENTRY` to `log` for every record and every failed commit.

    `busy` is how many seconds a revoke waits for a job in flight. Raises KafkaException when the client cannot go on.
    """
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    file = os.open(log, os.O_WRONLY | os.O_APPEND)
    next_offsets: dict[int, int] = {}

    def record(partition: int, offset: int) -> None:
        os.write(file, ENTRY.pack(time.monotonic(), member, partition, offset))

    def offsets_of(partitions: list[int]) -> list[TopicPartition]:
        return [TopicPartition(TOPIC, partition, next_offsets[partition]) for partition in partitions]

    def committed(error: Any, offsets: list[TopicPartition]) -> None:
        for each in offsets:
            if (reason := error or each.error) is not None:
                record(COMMIT_FAILED, reason.code())

    def revoked(consumer: Consumer, partitions: list[TopicPartition]) -> None:
        offsets = offsets_of([each.partition for each in partitions if each.partition in next_offsets])
        lost(consumer, partitions)
        time.sleep(busy if partitions else 0)
        try:
            if offsets:
                committed(None, consumer.commit(offsets=offsets, asynchronous=False) or [])
        except KafkaException as error:
            committed(error.args[0], offsets)

    def lost(_: Consumer, partitions: list[TopicPartition]) -> None:
        for each in partitions:
            next_offsets.pop(each.partition, None)

    fixed = {"enable.auto.commit": False, "auto.offset.reset": "latest", "fetch.queue.backoff.ms": 5}
    own = {"bootstrap.servers": address, "group.id": group, "log_level": 0, "on_commit": committed}
    consumer = Consumer({**fixed, **own, **properties})
    consumer.subscribe([TOPIC], on_assign=lambda *_: None, on_revoke=revoked, on_lost=lost)
    commit_at = time.monotonic() + 1
    while not stop.is_set():
        first = consumer.poll(0.1)
        for message in [first, *consumer.consume(500, timeout=0)] if first is not None else []:
            if (error := message.error()) is None:
                partition, offset = message.partition() or 0, message.offset() or 0
                next_offsets[partition] = offset + 1
                record(partition, offset)
            elif error.fatal():
                raise KafkaException(error)
        if time.monotonic() >= commit_at and next_offsets:
            commit_at = time.monotonic() + 1
            consumer.commit(offsets=offsets_of(list(next_offsets)), asynchronous=True)
    consumer.close()


def produce_steadily(address: str) -> None:
    """Produce one record to every partition, again and again."""
    producer, due = Producer({"bootstrap.servers": address, "linger.ms": 0}), time.monotonic()
    while True:
        for partition in range(PARTITIONS):
            producer.produce(TOPIC, b"record", partition=partition)
        producer.poll(0)
        due += EVERY
        time.sleep(max(0.0, due - time.monotonic()))
