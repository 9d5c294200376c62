"""What a group had done and not committed at a moment, message by message, from Kafka's own topic for commits.

A commit says that all below it is finished, and its map says what is above. So what a kill may have had repeated
can be counted: it is what had been begun by then, and stood in no commit that Kafka had taken.
"""

from __future__ import annotations

from bisect import bisect
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from consumers import offset_map, tenure
from consumers.offset_map import OffsetMap
from streams.message import Received
from tests.support.chaos.account import Account
from tests.support.chaos.commit_log import LATENCY, OFFSETS, key_of
from tests.support.chaos.crew import Trouble
from tests.support.chaos.ends import header
from tests.support.line import Line
from tests.support.planned import TIERS

GROUPS = {"consumer": "treadle.low", "retries": "treadle.retries"}


class Taken(NamedTuple):
    """A commit, and when Kafka took it (epoch seconds)."""

    at: float
    offset: int
    above: OffsetMap | None


class Commits:
    """Of both groups: what there was to read when it was made."""

    def __init__(self, line: Line) -> None:
        partitions = range(line.topics.names()[OFFSETS])
        self._taken: defaultdict[tuple[str, int], list[Taken]] = defaultdict(list)
        for message in line.topics.read({(OFFSETS, number): 0 for number in partitions}):
            key = key_of(message.key)
            if key is not None and key[0] in GROUPS.values() and message.value is not None:
                offset, metadata = _content(message.value)
                above = offset_map.decode(offset, tenure.split(metadata)[1])
                self._taken[key[1:]].append(Taken(message.timestamp / 1000, offset, above))

    def hold(self, message: Received, by: float) -> bool:
        """Whether the last commit at `by` or before had it as finished."""
        taken = self._taken[message.topic, message.partition]
        before = bisect(taken, by, key=lambda each: each.at)
        if before == 0:
            return False
        _, offset, above = taken[before - 1]
        return message.offset < offset or (above is not None and above.is_finished(message.offset))


def lost(line: Line, account: Account, troubles: list[Trouble]) -> list[str]:
    """The job's id for each message and each trouble that may have had it performed, or sent on, once more."""
    commits = Commits(line)
    begun = [*_performed(line, account), *_sent_on(line)]
    found = []
    for what, at, until in set(troubles):
        end = until + LATENCY if what == "broker" else until
        for group, message, moment in begun:
            if what in (group, "broker") and moment <= end and not commits.hold(message, by=at):
                found.append(header(message, "ce_id"))
    return found


def _performed(line: Line, account: Account) -> Iterator[tuple[str, Received, float]]:
    """Messages of the queue, and when an attempt with each began at the earliest."""
    records = defaultdict(list)
    for record in account.performed:
        records[record.number, record.attempt].append(record.at)
    for message in line.sent("jobs.low"):
        number = int(header(message, "ce_id").rpartition("-")[2])
        attempt = int(header(message, "treadle_attempt") or 1)
        # A message is written before it is performed; the moments come from clocks of one machine.
        began = [at for at in records[number, attempt] if at >= message.timestamp / 1000 - 0.01]
        if began:
            yield "consumer", message, min(began)


def _sent_on(line: Line) -> Iterator[tuple[str, Received, float]]:
    """Messages of the tiers, and when each went on at the earliest."""
    stays = defaultdict(list)
    for message in line.sent("jobs.low", *TIERS):
        if header(message, "treadle_due"):
            names = ("ce_id", "treadle_attempt", "treadle_later", "treadle_due")
            stays[tuple(header(message, name) for name in names)].append(message)
    for of_one_wait in stays.values():
        for message in of_one_wait:
            # To a tier it may go on after a kill: the broker says when it has it.
            went = [
                other.timestamp / 1000 - (LATENCY if other.topic in TIERS else 0.0)
                for other in of_one_wait
                if other is not message and other.timestamp >= message.timestamp
            ]
            if message.topic in TIERS and went:
                yield "retries", message, min(went)


def _content(value: bytes) -> tuple[int, str]:
    """Offset and metadata of a commit's value (`OffsetCommitValue` of Kafka's group coordinator)."""
    version, offset = int.from_bytes(value[:2], "big"), int.from_bytes(value[2:10], "big")
    at = 10 if version < 3 else 14  # from 3 on the epoch of the leader stands before it
    if version < 4:
        length, at = int.from_bytes(value[at : at + 2], "big"), at + 2
    else:  # a compact string: its length and one, seven bits a byte
        number = shift = 0
        while value[at] & 0x80:
            number, shift, at = number | (value[at] & 0x7F) << shift, shift + 7, at + 1
        length, at = (number | value[at] << shift) - 1, at + 1
    return offset, value[at : at + length].decode()
