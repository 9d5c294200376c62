"""The records that `bench.counting.Recording` writes, read back, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from bench.log import partition_of


class Record(NamedTuple):
    """One performed job: its number, and when it began, or how long it had waited (seconds)."""

    number: int
    seconds: float


def read(path: Path) -> list[Record]:
    """All complete lines of the file; none while it does not exist."""
    if not path.exists():
        return []
    text = path.read_bytes()
    lines = text[: text.rfind(b"\n") + 1].splitlines()
    return [Record(int(number), float(seconds)) for number, seconds in map(bytes.split, lines)]


def count(path: Path) -> int:
    """The number of complete lines."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def repeated(records: Iterable[Record]) -> int:
    """How many of these were repeats: the same job had been performed before."""
    numbers = [record.number for record in records]
    return len(numbers) - len(set(numbers))


def last_partitions(records: Iterable[Record], before: float, since: float) -> set[int]:
    """The partitions of the jobs that began in [since, before)."""
    return {partition_of(record.number) for record in records if since <= record.seconds < before}


def moments_by_partition(records: Iterable[Record], partitions: set[int]) -> list[list[float]]:
    """When the jobs of each of these partitions began."""
    moments: dict[int, list[float]] = {partition: [] for partition in partitions}
    for record in records:
        if (partition := partition_of(record.number)) in moments:
            moments[partition].append(record.seconds)
    return list(moments.values())


def longest_gap(series: Iterable[Iterable[float]], begin: float, end: float) -> float:
    """The longest time (seconds), between `begin` and `end`, in which one of these series has no moment."""
    longest = 0.0
    for each in series:
        moments = [begin, *sorted(moment for moment in each if begin <= moment <= end), end]
        longest = max(longest, *(later - earlier for earlier, later in pairwise(moments)))
    return longest


def resumed(records: Sequence[Record], partitions: set[int], after: float) -> float | None:
    """How long after that moment every one of these partitions had begun a job; None if one never did."""
    first: dict[int, float] = {}
    for record in records:
        partition = partition_of(record.number)
        if record.seconds > after and partition in partitions:
            first[partition] = min(record.seconds, first.get(partition, record.seconds))
    if not partitions or set(first) != partitions:
        return None
    return max(first.values()) - after
