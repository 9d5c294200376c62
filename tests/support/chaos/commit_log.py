"""When Kafka took which commit of the queue `low`, read from its own topic for commits."""

from __future__ import annotations

from bisect import bisect
from collections import defaultdict

from tests.support.chaos.account import Record
from tests.support.line import Line

OFFSETS = "__consumer_offsets"
GROUP, TOPIC = "treadle.low", "jobs.low"
# Seconds between a job's record and the commit that has it as finished, on a machine that is busy: what is
# committed is decided, sent, and taken.
LATENCY = 1.0


class CommitLog:
    """What there was to read when it was made. Where a group is just changing, seconds pass without a commit."""

    def __init__(self, line: Line) -> None:
        self._place = {_number(message.value): message.partition for message in line.sent(TOPIC)}
        partitions = range(line.topics.names()[OFFSETS])
        taken: defaultdict[int, list[float]] = defaultdict(list)
        for message in line.topics.read({(OFFSETS, number): 0 for number in partitions}):
            if (partition := _partition(message.key)) is not None:
                taken[partition].append(message.timestamp / 1000)
        self._taken = {partition: sorted(times) for partition, times in taken.items()}

    def holds(self, record: Record, by: float) -> bool:
        """Whether a commit that was taken at `by` (epoch seconds) or before had the job as finished."""
        taken = self._taken.get(self._place[record.number], [])
        earlier = bisect(taken, by)
        return earlier > 0 and taken[earlier - 1] > record.at + LATENCY


def _number(value: bytes | None) -> int:
    assert value is not None
    return int(value.removeprefix(b'{"number":').partition(b",")[0].rstrip(b"}"))


def _partition(key: bytes | None) -> int | None:
    """Of a commit's key: the partition. None when it is about something else."""
    found = key_of(key)
    return found[2] if found is not None and found[:2] == (GROUP, TOPIC) else None


def key_of(key: bytes | None) -> tuple[str, str, int] | None:
    """Group, topic and partition that a commit is about; None when it is no commit."""
    if key is None or key[:2] not in (b"\0\0", b"\0\1"):
        return None
    group, rest = _text(key[2:])
    topic, rest = _text(rest)
    return group, topic, int.from_bytes(rest, "big")


def _text(content: bytes) -> tuple[str, bytes]:
    end = 2 + int.from_bytes(content[:2], "big")
    return content[2:end].decode(), content[end:]
