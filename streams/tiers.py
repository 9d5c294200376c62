"""Which retry tier a waiting job goes to. Pure.

A wait is paid like a sum of money: the largest coin that fits first, then the next smaller one. All messages in a
partition of a tier wait equally long, so the first one is always the next to leave. Partition p of a tier with m
multiples waits (1 + p % m) times the tier's delay; m is large enough that one coin of each size suffices: a job
passes each tier at most once, except the largest, for waits beyond its multiples.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple
from zlib import crc32

from streams.errors import ConfigError
from streams.headers import ID, value_of
from streams.message import Message

HOLD = 1_200
"""A job that is due within this many milliseconds waits in memory. A little more than the smallest tier's delay, so
that no job leaves a tier late."""

_LARGEST_MULTIPLES = 4
MARGIN = 200  # ms by which a job leaves its last tier early, rather than late


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
        """The most that is left of a wait after this tier, in milliseconds: change for which the coin is too large."""
        return self.delay + MARGIN - 1

    def wait(self, partition: int) -> int:
        """How long a message of this partition waits, in milliseconds."""
        return (1 + partition % self.multiples) * self.delay


class Hop(NamedTuple):
    """The next part of a wait: a tier, and how many times its delay the job waits there."""

    tier: Tier
    multiple: int

    @property
    def wait(self) -> int:
        """In milliseconds."""
        return self.tier.delay * self.multiple

    def partition(self, spread: int) -> int:
        """One of the partitions that wait this long; `spread`, any number, distributes the jobs over them."""
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
                raise ConfigError(
                    f"topic {topic}: the delay of a tier must divide that of the next larger one"
                )
            multiples = above // delay - 1
            if partitions % multiples:
                raise ConfigError(
                    f"topic {topic}: its partitions wait 1 to {multiples} times its delay, "
                    f"so their number must be a multiple of {multiples}, not {partitions}"
                )
            tiers[topic] = Tier(topic, delay, multiples, partitions, at + 1 == len(sizes))
        if not sizes or sizes[0][0] > 1_000:
            raise ConfigError("a retry tier with a delay of PT1S is missing: every job waits there last")
        return cls(tiers)

    def next_hop(self, remaining: int) -> Hop | None:
        """Where to wait next with this many milliseconds left; None when the rest is waited for in memory."""
        if remaining < HOLD:
            return None
        spend = remaining - MARGIN
        tier = max((t for t in self.by_topic.values() if t.delay <= spend), key=lambda t: t.delay)
        return Hop(tier, min(spend // tier.delay, tier.multiples))

    def send_to_wait(self, message: Message, now: int) -> Message:
        """The message, addressed to its first tier; unchanged when it has no due moment, or one in the past.

        `now` is epoch milliseconds. Even the shortest wait goes through the smallest tier, which releases it on time.
        """
        due = message.due
        if due is None or due <= now:
            return message
        return self.moved(message, self.next_hop(due - now) or Hop(self._smallest, 1))

    def moved(self, message: Message, hop: Hop) -> Message:
        """The message, addressed to this hop."""
        return message._replace(topic=hop.tier.topic, partition=hop.partition(_spread(message)))

    @property
    def _smallest(self) -> Tier:
        return min(self.by_topic.values(), key=lambda tier: tier.delay)


def _spread(message: Message) -> int:
    return crc32(value_of(message.headers, ID) or b"")
