"""How late waiting jobs return to their queue, and how much memory that takes: `python -m bench.studies.waiting_jobs`.

Puts jobs into the tiers as `enqueue(…, at=…)` would: part of them (`--near`) due within `--seconds`, the rest within 24
hours. Then one `treadle run retries` serves them while a listener reads their queue. Lateness is measured from the due
moment until the job arrives there; early means sent before it. With `--burst` all are due at the same moment, which
shows how many return in a second.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from confluent_kafka import Consumer, TopicPartition

from bench import log
from bench.alternating import NotMeasured
from bench.children import Child
from bench.environment import Environment, started
from bench.figures import percentile
from bench.workers import NoOp
from streams.envelope import seal
from streams.headers import due_of
from streams.job import Queue
from streams.kafka.producer import Producer
from streams.kafka.reader import Reader
from streams.message import Message
from streams.moments import epoch_ms
from streams.tiers import Tiers
from streams.topics import load_topics, topic_of
from streams.wire.jobs import encode_job
from treadle.settings import Settings

QUEUE = topic_of(Queue.DEFAULT)
LEAD = 4  # seconds from the start of the process until the first job is due
_BATCH = 10_000
_FILL_RATE = 25_000  # jobs a second that can be put in, or more
_DAY = 86_400.0


class Arrived(NamedTuple):
    """A job that returned to its queue: when it was due, when it was sent there, and when it arrived (epoch ms)."""

    due: int
    sent: int
    arrived: float


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.studies.waiting_jobs", description=__doc__)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=30, help="the near ones are due within this time")
    parser.add_argument("--near", type=float, default=0.5, help="the part of the jobs that is near, 0 to 1")
    parser.add_argument("--burst", action="store_true", help="all jobs are due at the same moment")
    options = parser.parse_args()
    with started(progress) as environment:
        log.create_topics(environment.kafka)
        listener = Listener(environment.kafka)
        tiers = load_topics(Settings.model_fields["topics"].default).tiers
        first = datetime.now(UTC) + timedelta(seconds=max(2.0, options.jobs / _FILL_RATE) + LEAD)
        near_part, seconds = (1.0, 0) if options.burst else (options.near, options.seconds)
        dues = list(_dues(options.jobs, near_part, seconds, first))
        last = first + timedelta(seconds=seconds)
        near = sum(due <= last for due in dues)
        began = time.monotonic()
        fill(environment.kafka, tiers, dues)
        took = time.monotonic() - began
        if datetime.now(UTC) > first - timedelta(seconds=LEAD / 2):
            raise NotMeasured(f"putting the jobs in took {took:.0f} s: they are due already")
        progress(f"{options.jobs:,} jobs put in within {took:.1f} s, {near:,} of them due during the run")
        with retries(environment) as child:
            arrived, peak = listener.listen(near, last, child)
            show(options.jobs, arrived, peak, written(environment.kafka, tiers))


def _dues(jobs: int, near_part: float, seconds: float, first: datetime) -> Iterator[datetime]:
    chance = random.Random(7)
    for _ in range(jobs):
        spread = seconds if chance.random() < near_part else _DAY
        yield first + timedelta(seconds=chance.uniform(0, spread))


def fill(kafka: str, tiers: Tiers, dues: list[datetime]) -> None:
    """Put a job into the tiers for each of these moments."""
    producer = Producer({"bootstrap.servers": kafka})
    for at in range(0, len(dues), _BATCH):
        now = epoch_ms(datetime.now(UTC))
        batch: list[Message] = []
        for number, due in enumerate(dues[at : at + _BATCH], start=at):
            message = encode_job(seal(NoOp(number), source=log.SOURCE, due=due))
            batch.append(tiers.send_to_wait(message, now))
        producer.send(batch)
    producer.close()


def retries(environment: Environment) -> Child:
    """The process that is measured, at its defaults."""
    argv = [sys.executable, "-m", "treadle.cli.main", "run", "retries"]
    return Child("retries", argv, {"TREADLE_KAFKA": environment.kafka}, environment.logs / "retries.log")


class Listener:
    """Receives what arrives in the jobs' queue."""

    def __init__(self, kafka: str) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka,
                "group.id": "bench.listener",
                "enable.auto.commit": False,
                "fetch.queue.backoff.ms": 5,
                "log_level": 0,
            }
        )
        self._consumer.assign([TopicPartition(QUEUE, number, 0) for number in range(log.PARTITIONS)])

    def listen(self, jobs: int, last: datetime, child: Child) -> tuple[list[Arrived], float]:
        """Receive this many jobs; returns them, and the child's peak memory (MB). Raises NotMeasured."""
        arrived: list[Arrived] = []
        peak, look_at, limit = 0.0, 0.0, last.timestamp() + 60
        while len(arrived) < jobs:
            messages: list[Any] = self._receive()
            now = time.time() * 1000
            arrived += [
                Arrived(due_of(message.headers()) or 0, message.timestamp()[1], now) for message in messages
            ]
            if now > look_at:
                child.raise_if_ended("all jobs had arrived")
                peak, look_at = max(peak, child.memory()), now + 250
            if now / 1000 > limit:
                raise NotMeasured(
                    f"{len(arrived):,} of {jobs:,} jobs had arrived a minute after the last was due"
                )
        return arrived, peak

    def _receive(self) -> list[Any]:
        first = self._consumer.poll(0.02)
        return [] if first is None else [first, *self._consumer.consume(2_000, timeout=0)]


def written(kafka: str, tiers: Tiers) -> int:
    """How many messages have been written to the tiers so far."""
    with Reader({"bootstrap.servers": kafka}) as reader:
        return sum(each.end for topic in tiers.by_topic for each in reader.ranges(topic))


def show(jobs: int, arrived: list[Arrived], peak: float, written: int) -> None:
    """Print the figures."""
    on_arrival = [each.arrived - each.due for each in arrived]
    when_sent = [each.sent - each.due for each in arrived]
    took = (max(each.arrived for each in arrived) - min(each.due for each in arrived)) / 1000
    rate = len(arrived) / took
    print(f"returned to their queue  {len(arrived):,} of {jobs:,} in {took:.1f} s: {rate:,.0f} a second")
    for what, late in (("late on arrival, ms", on_arrival), ("late when sent, ms", when_sent)):
        p50, p99 = (percentile(late, percent) for percent in (50, 99))
        print(f"{what:<24} p50 {p50:.0f}  p99 {p99:.0f}  max {max(late):.0f}")
    print(f"sent too early           {sum(each < 0 for each in when_sent):,}")
    print(f"peak memory, MB          {peak:.0f}")
    print(f"messages in the tiers    {written / jobs:.2f} per job so far")


def progress(text: str) -> None:
    """Print what is being done, on stderr."""
    print(text, file=sys.stderr)


if __name__ == "__main__":
    try:
        main()
    except NotMeasured as reason:
        sys.exit(f"bench: {reason}")
