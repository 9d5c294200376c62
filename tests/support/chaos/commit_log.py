"""When Kafka accepted the commits of the queue `low`, read from `__consumer_offsets`."""

from __future__ import annotations

from bisect import bisect
from collections import defaultdict

from tests.support.chaos.account import Record
from tests.support.line import Line

OFFSETS = "__consumer_offsets"
GROUP, TOPIC = "treadle.low", "jobs.low"
# Seconds between a job's record and the commit that has it as finished, on a busy machine: the commit is prepared,
# sent and accepted in that time.
LATENCY = 1.0


class CommitLog:
    """The commits up to now. During a rebalance seconds pass without a commit."""

    def __init__(self, line: Line) -> None:
        self._partition_of = {_number(message.value): message.partition for message in line.sent(TOPIC)}
        partitions = range(line.topics.names()[OFFSETS])
        times: defaultdict[int, list[float]] = defaultdict(list)
        for message in line.topics.read({(OFFSETS, number): 0 for number in partitions}):
            if (partition := _partition(message.key)) is not None:
                times[partition].append(message.timestamp / 1000)
        self._times = {partition: sorted(accepted) for partition, accepted in times.items()}

    def holds(self, record: Record, by: float) -> bool:
        """Whether a commit that Kafka accepted no later than `by` (epoch seconds) has the job as finished."""
        times = self._times.get(self._partition_of[record.number], [])
        earlier = bisect(times, by)
        return earlier > 0 and times[earlier - 1] > record.at + LATENCY


def _number(value: bytes | None) -> int:
    assert value is not None
    return int(value.removeprefix(b'{"number":').partition(b",")[0].rstrip(b"}"))


def _partition(key: bytes | None) -> int | None:
    """The partition in the key of a commit of this group and topic; None for any other key."""
    found = key_of(key)
    return found[2] if found is not None and found[:2] == (GROUP, TOPIC) else None


def key_of(key: bytes | None) -> tuple[str, str, int] | None:
    """Group, topic and partition in the key of a commit; None for the key of anything else."""
    if key is None or key[:2] not in (b"\0\0", b"\0\1"):
        return None
    group, rest = _text(key[2:])
    topic, rest = _text(rest)
    return group, topic, int.from_bytes(rest, "big")


def _text(content: bytes) -> tuple[str, bytes]:
    end = 2 + int.from_bytes(content[:2], "big")
    return content[2:end].decode(), content[end:]
