"""How late jobs that wait go home, and what the retries process takes for it: `python -m bench.waiting_jobs`.

Lays jobs into the tiers as `enqueue(…, at=…)` would: half of them (`--near`) due between the start and its end, the
rest within 24 hours. Then one `treadle run retries` serves them, and somebody listens at their home. Lateness is from
the due moment until the job arrives there; early is what was sent before it. With `--at-once` all are due at one
moment: how many go home in a second.
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
from bench.figures import percentile
from bench.ground import Ground, ground
from bench.workers import NoOp
from streams.codec import encode_job
from streams.envelope import seal
from streams.message import Message
from streams.producer import Producer
from streams.tiers import Tiers, due_of
from streams.topics import load_topics
from treadle.settings import Settings

HOME = "jobs.default"
LEAD = 4  # seconds from the start of the process until the first is due
_BATCH = 10_000
_FILLED = 25_000  # jobs a second that can be laid in, or more
_DAY = 86_400.0


class Arrived(NamedTuple):
    """A job that came home: when it was due, when it was sent there, and when it arrived (epoch ms)."""

    due: int
    sent: int
    arrived: float


def main() -> None:
    """Measure, and print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--jobs", type=int, default=100_000)
    asked.add_argument("--seconds", type=int, default=30, help="the near ones are due within so many seconds")
    asked.add_argument("--near", type=float, default=0.5, help="what part of them is near")
    asked.add_argument("--at-once", action="store_true", help="all are due at one moment")
    options = asked.parse_args()
    with ground(tell) as there:
        log.make_topics(there.kafka)
        listener = Listener(there.kafka)
        tiers = load_topics(Settings.model_fields["topics"].default).tiers
        filling = max(2.0, options.jobs / _FILLED)
        first = datetime.now(UTC) + timedelta(seconds=filling + LEAD)
        near_part = 1.0 if options.at_once else options.near
        dues = list(_dues(options.jobs, near_part, 0 if options.at_once else options.seconds, first))
        last = first + timedelta(seconds=0 if options.at_once else options.seconds)
        near = sum(due <= last for due in dues)
        began = time.monotonic()
        fill(there.kafka, tiers, dues)
        if datetime.now(UTC) > first - timedelta(seconds=LEAD / 2):
            raise NotMeasured(
                f"it took {time.monotonic() - began:.0f} s to lay the jobs in: they are due by now"
            )
        tell(
            f"{options.jobs:,} jobs laid in within {time.monotonic() - began:.1f} s, {near:,} due in the run"
        )
        with retries(there) as child:
            arrived, peak = listener.listen(near, last, child)
            say(options.jobs, arrived, peak, sum(listener.ends(tiers)))


def _dues(jobs: int, near_part: float, seconds: float, first: datetime) -> Iterator[datetime]:
    chance = random.Random(7)
    for _ in range(jobs):
        spread = seconds if chance.random() < near_part else _DAY
        yield first + timedelta(seconds=chance.uniform(0, spread))


def fill(kafka: str, tiers: Tiers, dues: list[datetime]) -> None:
    """Lay a job into the tiers for each of these moments."""
    producer = Producer({"bootstrap.servers": kafka})
    for at in range(0, len(dues), _BATCH):
        now = time.time_ns() // 1_000_000
        batch: list[Message] = []
        for number, due in enumerate(dues[at : at + _BATCH], start=at):
            message = encode_job(seal(NoOp(number), source=log.SOURCE, due=due))
            batch.append(tiers.send_to_wait(message, now))
        producer.send(batch)
    producer.close()


def retries(there: Ground) -> Child:
    """The process that is measured, with everything as it comes."""
    argv = [sys.executable, "-m", "treadle.cli.main", "run", "retries"]
    return Child("retries", argv, {"TREADLE_KAFKA": there.kafka}, there.logs / "retries.log")


class Listener:
    """Hears what arrives at the jobs' home."""

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
        self._consumer.assign([TopicPartition(HOME, number, 0) for number in range(log.PARTITIONS)])

    def listen(self, jobs: int, last: datetime, child: Child) -> tuple[list[Arrived], float]:
        """Hear of so many jobs; the most memory that the child had meanwhile. Raises NotMeasured."""
        arrived: list[Arrived] = []
        peak, look_at, limit = 0.0, 0.0, last.timestamp() + 60
        while len(arrived) < jobs:
            messages: list[Any] = self._heard()
            now = time.time() * 1000
            arrived += [
                Arrived(due_of(message.headers()) or 0, message.timestamp()[1], now) for message in messages
            ]
            if now > look_at:
                peak, look_at = max(peak, child.memory()), now + 250
            if now / 1000 > limit:
                raise NotMeasured(
                    f"{len(arrived):,} of {jobs:,} jobs had arrived a minute after the last was due"
                )
        return arrived, peak

    def _heard(self) -> list[Any]:
        first = self._consumer.poll(0.02)
        return [] if first is None else [first, *self._consumer.consume(2_000, timeout=0)]

    def ends(self, tiers: Tiers) -> Iterator[int]:
        """How many messages each tier has got so far."""
        for tier in tiers.by_topic.values():
            for number in range(tier.partitions):
                yield self._consumer.get_watermark_offsets(TopicPartition(tier.topic, number), timeout=10)[1]


def say(jobs: int, arrived: list[Arrived], peak: float, written: int) -> None:
    """The figures."""
    late = [each.arrived - each.due for each in arrived]
    sent = [each.sent - each.due for each in arrived]
    took = (max(each.arrived for each in arrived) - min(each.due for each in arrived)) / 1000
    print(
        f"went home             {len(arrived):,} of {jobs:,} in {took:.1f} s: {len(arrived) / took:,.0f} a second"
    )
    print(
        f"late on arrival, ms   p50 {percentile(late, 50):.0f}  p99 {percentile(late, 99):.0f}  most {max(late):.0f}"
    )
    print(
        f"late when sent, ms    p50 {percentile(sent, 50):.0f}  p99 {percentile(sent, 99):.0f}  most {max(sent):.0f}"
    )
    print(f"sent too early        {sum(each < 0 for each in sent):,}")
    print(f"memory, MB            {peak:.0f} at most")
    print(f"written to the tiers  {written / jobs:.2f} messages for each job so far")


def tell(text: str) -> None:
    """What goes on, for the person who waits."""
    print(text, file=sys.stderr)


if __name__ == "__main__":
    main()
