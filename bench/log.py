"""Topics of the benchmark's broker: created empty for each run, and filled with jobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient

from bench.alternating import NotMeasured
from streams.deadline import Deadline
from streams.envelope import seal
from streams.job import Job, Queue
from streams.kafka.client import group_named
from streams.kafka.commits import committed_by
from streams.kafka.reader import Reader
from streams.kafka.topic_admin import TopicAdmin
from streams.topics import LIFECYCLE, load_topics, topic_of
from streams.wire.jobs import encode_job
from treadle.settings import Settings

PARTITIONS = 12  # of every queue, in topics.yaml
SOURCE = "/bench"


def partition_of(number: int) -> int:
    """The partition of the job with this number: jobs are dealt out in turn."""
    return number % PARTITIONS


def create_topics(kafka: str) -> None:
    """Create what topics.yaml plans and does not exist yet."""
    admin = TopicAdmin({"bootstrap.servers": kafka})
    admin.apply(admin.plan(load_topics(Settings.model_fields["topics"].default)))


def fresh(kafka: str, *queues: Queue) -> None:
    """Recreate the topics of these queues and the lifecycle topic, and delete their consumer groups.

    Waits until Kafka has removed killed members from their groups. Raises NotMeasured after 90 seconds.
    """
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    _until(lambda: _delete_groups(admin, queues), "delete the consumer groups of the last run", 90)
    names = [topic_of(queue) for queue in queues] + [LIFECYCLE]
    existing = [name for name in names if name in admin.list_topics(timeout=10).topics]
    for future in (admin.delete_topics(existing) if existing else {}).values():
        future.result()
    _until(lambda: not set(names) & set(admin.list_topics(timeout=10).topics), "delete topics", 30)
    create_topics(kafka)
    _until(lambda: _have_leaders(admin, names), "elect leaders for the new topics", 30)


def fill(kafka: str, jobs: Iterable[Job], queue: Queue | None = None) -> int:
    """Put these jobs into their queue's topic, dealt out over its partitions; returns how many there were."""
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


def unfinished(kafka: str, queue: Queue) -> int:
    """How many jobs of the queue its group has not committed."""
    properties = {"bootstrap.servers": kafka}
    with Reader(properties) as reader:
        end_offsets = {(each.topic, each.partition): each.end for each in reader.ranges(topic_of(queue))}
    committed = committed_by(properties, group_named(queue), list(end_offsets), timedelta(seconds=10))
    return sum(end - max(committed[partition], 0) for partition, end in end_offsets.items())


def _delete_groups(admin: Any, queues: Sequence[Queue]) -> bool:
    listed = [group.group_id for group in admin.list_consumer_groups(request_timeout=10).result().valid]
    others = tuple(f".{queue}" for queue in Queue if queue not in queues)
    groups = [group for group in listed if not group.endswith(others)]
    deleted = True
    for future in (admin.delete_consumer_groups(groups) if groups else {}).values():
        try:
            future.result()
        except KafkaException as error:  # not empty yet
            deleted = deleted and error.args[0].name() in ("GROUP_ID_NOT_FOUND", "_NOENT")
    return deleted


def _have_leaders(admin: Any, names: list[str]) -> bool:
    topics = admin.list_topics(timeout=10).topics
    return all(
        name in topics
        and topics[name].partitions
        and all(p.leader >= 0 for p in topics[name].partitions.values())
        for name in names
    )


def _until(condition: Callable[[], bool], what: str, within: float) -> None:
    deadline = Deadline(within)
    while not condition():
        if deadline.over:
            raise NotMeasured(f"Kafka did not {what} within {within:.0f} s")
        time.sleep(0.05)
