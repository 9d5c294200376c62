"""Topics of the benchmark's broker: made empty for each run, and filled with jobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from bench.alternating import NotMeasured
from streams.codec import encode_job
from streams.envelope import seal
from streams.job import Job, Queue
from streams.topic_plan import TopicAdmin
from streams.topics import LIFECYCLE, load_topics, topic_of
from treadle.settings import Settings

PARTITIONS = 12  # of every queue, in topics.yaml
SOURCE = "/bench"


def partition_of(number: int) -> int:
    """Where the job with this number lies: they are dealt out in turn."""
    return number % PARTITIONS


def make_topics(kafka: str) -> None:
    """Whatever topics.yaml plans and is not there yet."""
    admin = TopicAdmin({"bootstrap.servers": kafka})
    admin.apply(admin.plan(load_topics(Settings.model_fields["topics"].default)))


def fresh(kafka: str, *queues: Queue) -> None:
    """Empty topics for these queues and the lifecycle, and no group of theirs that remembers anything.

    Waits for members that were killed to be given up. Raises NotMeasured after 90 seconds.
    """
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    _until(lambda: _forget_groups(admin, queues), "the consumer groups of the last run are empty", 90)
    names = [topic_of(queue) for queue in queues] + [LIFECYCLE]
    there = [name for name in names if name in admin.list_topics(timeout=10).topics]
    for future in (admin.delete_topics(there) if there else {}).values():
        future.result()
    _until(lambda: not set(names) & set(admin.list_topics(timeout=10).topics), "topics are deleted", 30)
    make_topics(kafka)
    _until(lambda: _have_leaders(admin, names), "the new topics are known", 30)


def fill(kafka: str, jobs: Iterable[Job], queue: Queue | None = None) -> int:
    """Lay these jobs into their queue's topic, dealt out over its partitions; how many there were."""
    producer = Producer(
        {
            "bootstrap.servers": kafka,
            "compression.type": "lz4",  # as our producer
            "linger.ms": 5,
            "acks": "all",
            "queue.buffering.max.messages": 500_000,
            "log_level": 0,
        }
    )
    count = 0
    for count, job in enumerate(jobs, start=1):
        message = encode_job(seal(job, source=SOURCE, queue=queue))
        headers: Any = message.headers
        while True:
            try:
                producer.produce(
                    message.topic, message.value, partition=partition_of(count - 1), headers=headers
                )
                break
            except BufferError:
                producer.poll(0.1)
        if not count % 1_000:
            producer.poll(0)
    if left := producer.flush(60):
        raise NotMeasured(f"Kafka took {count - left} of {count} jobs within a minute")
    return count


def _forget_groups(admin: Any, queues: Sequence[Queue]) -> bool:
    listed = [group.group_id for group in admin.list_consumer_groups(request_timeout=10).result().valid]
    others = tuple(f".{queue}" for queue in Queue if queue not in queues)
    groups = [group for group in listed if not group.endswith(others)]
    forgotten = True
    for future in (admin.delete_consumer_groups(groups) if groups else {}).values():
        try:
            future.result()
        except KafkaException as error:  # not empty yet
            forgotten = forgotten and error.args[0].name() in ("GROUP_ID_NOT_FOUND", "_NOENT")
    return forgotten


def _have_leaders(admin: Any, names: list[str]) -> bool:
    topics = admin.list_topics(timeout=10).topics
    return all(
        name in topics
        and topics[name].partitions
        and all(p.leader >= 0 for p in topics[name].partitions.values())
        for name in names
    )


def _until(condition: Callable[[], bool], what: str, within: float) -> None:
    limit = time.monotonic() + within
    while not condition():
        if time.monotonic() > limit:
            raise NotMeasured(f"within {within:.0f} s it did not come about that {what}")
        time.sleep(0.05)


def unfinished(kafka: str, queue: Queue) -> int:
    """How many jobs of the queue its group has not committed."""
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": f"treadle.{queue}", "log_level": 0})
    try:
        places = [TopicPartition(topic_of(queue), number) for number in range(PARTITIONS)]
        ends = {place.partition: consumer.get_watermark_offsets(place, timeout=10)[1] for place in places}
        committed = consumer.committed(places, timeout=10)
    finally:
        consumer.close()
    return sum(ends[place.partition] - max(place.offset, 0) for place in committed)
