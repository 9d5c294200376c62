"""Which messages a group had started and not committed at a moment, from `__consumer_offsets`.

A commit says that every offset below it is finished, and its map says which ones above it are. So the repeats that a
kill may cause can be counted: the messages started by then that no accepted commit has as finished.
"""

from __future__ import annotations

from bisect import bisect
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from consumers.offsets import encoding, ownership
from consumers.offsets.encoding import OffsetMap
from streams.message import Received
from tests.support.chaos.account import Account
from tests.support.chaos.commit_log import LATENCY, OFFSETS, key_of
from tests.support.chaos.crew import Outage
from tests.support.chaos.ends import header
from tests.support.line import Line
from tests.support.planned import TIERS

GROUPS = {"consumer": "treadle.low", "retries": "treadle.retries"}


class Accepted(NamedTuple):
    """A commit, and when Kafka accepted it (epoch seconds)."""

    at: float
    offset: int
    above: OffsetMap | None


class Commits:
    """The commits of both groups up to now."""

    def __init__(self, line: Line) -> None:
        partitions = range(line.topics.names()[OFFSETS])
        self._accepted: defaultdict[tuple[str, int], list[Accepted]] = defaultdict(list)
        for message in line.topics.read({(OFFSETS, number): 0 for number in partitions}):
            key = key_of(message.key)
            if key is not None and key[0] in GROUPS.values() and message.value is not None:
                offset, metadata = _content(message.value)
                above = encoding.decode(offset, ownership.split(metadata)[1])
                self._accepted[key[1:]].append(Accepted(message.timestamp / 1000, offset, above))

    def hold(self, message: Received, by: float) -> bool:
        """Whether the last commit accepted no later than `by` has it as finished."""
        accepted = self._accepted[message.topic, message.partition]
        before = bisect(accepted, by, key=lambda each: each.at)
        if before == 0:
            return False
        _, offset, above = accepted[before - 1]
        return message.offset < offset or (above is not None and above.is_finished(message.offset))


def uncommitted_jobs(line: Line, account: Account, outages: list[Outage]) -> list[str]:
    """A job's id for each of its messages that each outage may have made processes perform or send on again."""
    commits = Commits(line)
    started = [*_performed(line, account), *_sent_on(line)]
    found = []
    for what, at, until in set(outages):
        end = until + LATENCY if what == "broker" else until
        for group, message, moment in started:
            if what in (group, "broker") and moment <= end and not commits.hold(message, by=at):
                found.append(header(message, "ce_id"))
    return found


def _performed(line: Line, account: Account) -> Iterator[tuple[str, Received, float]]:
    """Messages of the queue, and when the first attempt at each started."""
    records = defaultdict(list)
    for record in account.performed:
        records[record.number, record.attempt].append(record.at)
    for message in line.sent("jobs.low"):
        number = int(header(message, "ce_id").rpartition("-")[2])
        attempt = int(header(message, "treadle_attempt") or 1)
        # A message is written before it is performed; both times come from the clock of one machine.
        starts = [at for at in records[number, attempt] if at >= message.timestamp / 1000 - 0.01]
        if starts:
            yield "consumer", message, min(starts)


def _sent_on(line: Line) -> Iterator[tuple[str, Received, float]]:
    """Messages of the tiers, and when each was first sent on."""
    stays = defaultdict(list)
    for message in line.sent("jobs.low", *TIERS):
        if header(message, "treadle_due"):
            names = ("ce_id", "treadle_attempt", "treadle_snoozes", "treadle_due")
            stays[tuple(header(message, name) for name in names)].append(message)
    for of_one_wait in stays.values():
        for message in of_one_wait:
            # A copy may reach a tier after the kill: its timestamp is that of the broker.
            sent_at = [
                other.timestamp / 1000 - (LATENCY if other.topic in TIERS else 0.0)
                for other in of_one_wait
                if other is not message and other.timestamp >= message.timestamp
            ]
            if message.topic in TIERS and sent_at:
                yield "retries", message, min(sent_at)


def _content(value: bytes) -> tuple[int, str]:
    """Offset and metadata in the value of a commit (`OffsetCommitValue` of Kafka's group coordinator)."""
    version, offset = int.from_bytes(value[:2], "big"), int.from_bytes(value[2:10], "big")
    at = 10 if version < 3 else 14  # from version 3 on, the leader epoch comes first
    if version < 4:
        length, at = int.from_bytes(value[at : at + 2], "big"), at + 2
    else:  # a compact string: its length plus one, in seven bits of each byte
        number = shift = 0
        while value[at] & 0x80:
            number, shift, at = number | (value[at] & 0x7F) << shift, shift + 7, at + 1
        length, at = (number | value[at] << shift) - 1, at + 1
    return offset, value[at : at + length].decode()
