"""Which retry tier a waiting job goes to. Pure.

A job's wait is paid like a sum of money: first the largest coin that fits, then the next smaller. In one partition of
a tier every message waits equally long, so the first in it is always the next to go. Partition p of a tier with m
multiples waits (1 + p % m) times the tier's delay; m is so large that one coin of each sort is enough: a job is
in each tier once at most (but for the largest, with waits beyond its multiples).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple
from zlib import crc32

from streams.errors import ConfigError
from streams.message import Headers, Message

DUE, QUEUE = "treadle_due", "treadle_queue"
HOLD = 1_200
"""Milliseconds before its due moment from which on a job waits in memory; a little more than the smallest tier,
so that no job comes out of a tier late."""

_EARLIEST, _LATEST = -62_135_596_800_000, 253_402_300_799_999
"""What a datetime can hold, in epoch milliseconds."""

_LARGEST_MULTIPLES = 4
MARGIN = 200  # ms by which a job leaves its last tier too early rather than too late


@dataclass(frozen=True)
class Tier:
    """A topic in which partition p waits (1 + p % multiples) * delay. `delay` is in milliseconds."""

    topic: str
    delay: int
    multiples: int
    partitions: int
    is_largest: bool

    @property
    def most_left(self) -> int:
        """What is left of a wait after this tier, at most, in milliseconds: change for which the coin is too large."""
        return self.delay + MARGIN - 1

    def wait(self, partition: int) -> int:
        """How long a message of this partition waits, in milliseconds."""
        return (1 + partition % self.multiples) * self.delay


class Place(NamedTuple):
    """A tier, and how many times its delay to wait there."""

    tier: Tier
    multiple: int

    @property
    def wait(self) -> int:
        """In milliseconds."""
        return self.tier.delay * self.multiple

    def partition(self, spread: int) -> int:
        """One of the partitions that wait so long; `spread` is any number, and shares the jobs out."""
        alike = self.tier.partitions // self.tier.multiples
        return spread % alike * self.tier.multiples + self.multiple - 1


@dataclass(frozen=True)
class Tiers:
    """All tiers, by topic."""

    by_topic: dict[str, Tier] = field(default_factory=dict)

    @classmethod
    def made_of(cls, delays: Iterable[tuple[str, timedelta, int]]) -> Tiers:
        """From topics with their delays and partitions. Raises ConfigError, which names the topic."""
        sizes = sorted((delay // timedelta(milliseconds=1), topic, parts) for topic, delay, parts in delays)
        tiers = {}
        for at, (delay, topic, partitions) in enumerate(sizes):
            above = sizes[at + 1][0] if at + 1 < len(sizes) else delay * (_LARGEST_MULTIPLES + 1)
            if delay <= 0 or above <= delay or above % delay:
                raise ConfigError(f"topic {topic}: the delay of a tier divides that of the next larger one")
            multiples = above // delay - 1
            if partitions % multiples:
                raise ConfigError(
                    f"topic {topic}: its partitions wait 1 to {multiples} times its delay, "
                    f"so their number is a multiple of {multiples}, not {partitions}"
                )
            tiers[topic] = Tier(topic, delay, multiples, partitions, at + 1 == len(sizes))
        if not sizes or sizes[0][0] > 1_000:
            raise ConfigError("a retry tier with a delay of PT1S is missing: the last wait of every job")
        return cls(tiers)

    def place(self, remaining: int) -> Place | None:
        """Where to wait next with so many milliseconds left; None: so short a wait is kept in memory."""
        if remaining < HOLD:
            return None
        spend = remaining - MARGIN
        tier = max((t for t in self.by_topic.values() if t.delay <= spend), key=lambda t: t.delay)
        return Place(tier, min(spend // tier.delay, tier.multiples))

    def send_to_wait(self, message: Message, now: int) -> Message:
        """The message on its way to its first tier; as it is when it has no due moment, or that is past.

        `now` is epoch milliseconds. Even the shortest wait goes by way of the smallest tier, which lets it go on
        time.
        """
        due = due_of(message.headers)
        if due is None or due <= now:
            return message
        place = self.place(due - now) or Place(min(self.by_topic.values(), key=lambda t: t.delay), 1)
        return self.moved(_with_home(message), place)

    def moved(self, message: Message, place: Place) -> Message:
        """The message, going to this place."""
        topic = place.tier.topic
        return message._replace(topic=topic, partition=place.partition(_spread(message)))


def due_of(headers: Headers) -> int | None:
    """The due moment in a message's headers (epoch milliseconds). None when there is none, or none can be read.

    What lies outside the years 1 to 9999 cannot be: such a job does not wait, and where it is performed it cannot be
    read and becomes a dead letter.
    """
    for name, value in reversed(headers):  # of two, the codec reads the last
        if name == DUE:
            try:
                due = int(value or b"")
            except ValueError:
                return None
            return due if _EARLIEST <= due <= _LATEST else None
    return None


def _with_home(message: Message) -> Message:
    """Says where it goes back to. A job that never waited leaves this out, as it lies in its queue's topic."""
    if any(name == QUEUE for name, _ in message.headers):
        return message
    return message._replace(headers=[*message.headers, (QUEUE, message.topic.removeprefix("jobs.").encode())])


def _spread(message: Message) -> int:
    for name, value in message.headers:
        if name == "ce_id":
            return crc32(value or b"")
    return 0
