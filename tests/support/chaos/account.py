"""The account of every job: which numbers were enqueued, and which process performed them when."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from streams.message import Headers, Message
from tests.support.line import Line


class Record(NamedTuple):
    """What a worker of `tests/support/shops/chaos_jobs.py` printed: `pid` performed this job at `at` (epoch seconds).

    Workers of `end_jobs.py` add the attempt. `child` is 1 if a child of `pid` performed the job, as a suspect.
    """

    number: int
    key: str
    pid: int
    at: float
    attempt: int = 1
    child: int = 0


class Account:
    """The records that the processes of a line have printed so far. Each is read from the file only once."""

    def __init__(self, line: Line) -> None:
        self._path = Path(line.folder, "stdout")
        self._read_to = 0
        self._performed: list[Record] = []
        self._numbers: set[int] = set()
        self._by: Counter[int] = Counter()

    @property
    def performed(self) -> list[Record]:
        """All records so far."""
        self._read_on()
        return self._performed

    @property
    def numbers(self) -> set[int]:
        """Jobs that were performed at least once."""
        self._read_on()
        return self._numbers

    def by(self, pid: int) -> int:
        """How many records a process printed, without its children."""
        self._read_on()
        return self._by[pid]

    def _read_on(self) -> None:
        if not self._path.exists():
            return
        with self._path.open("rb") as out:
            out.seek(self._read_to)
            whole, newline, _ = out.read().rpartition(b"\n")
        self._read_to += len(whole) + len(newline)
        new = [_read(line) for line in whole.decode().splitlines()]
        self._performed += new
        self._numbers.update(record.number for record in new)
        self._by.update(record.pid for record in new if not record.child)

    @property
    def repeated(self) -> list[list[Record]]:
        """The records of each job that was performed more than once, oldest first."""
        of_job: defaultdict[int, list[Record]] = defaultdict(list)
        for record in self.performed:
            of_job[record.number].append(record)
        return [sorted(records, key=lambda each: each.at) for records in of_job.values() if len(records) > 1]

    def summary(self, enqueued: int, **more: object) -> str:
        """The account, as one line of the test's output."""
        times = [len(records) for records in self.repeated]
        repeats = f"{len(times)} jobs, {max(times)} times at most" if times else "none"
        facts = {"enqueued": enqueued, "performed": len(self.numbers), "repeated": repeats, **more}
        return "account: " + "; ".join(f"{name.replace('_', ' ')} {value}" for name, value in facts.items())


def enqueue(line: Line, kind: str, numbers: Iterable[int], *, keys: int = 0) -> None:
    """Enqueue one job for each number. With `keys`, number n has the key n modulo `keys`."""
    line.send(_message(kind, number, f"key-{number % keys}" if keys else None) for number in numbers)


def _message(kind: str, number: int, key: str | None) -> Message:
    attributes = {"specversion": "1.0", "id": f"{kind}-{number}", "type": kind, "source": "/tests/chaos"}
    attributes["time"] = "2025-12-08T18:07:00+00:00"
    headers: Headers = [(f"ce_{name}", text.encode()) for name, text in attributes.items()]
    value = f'{{"number":{number},"key":"{key}"}}' if key else f'{{"number":{number}}}'
    return Message("jobs.low", key.encode() if key else None, value.encode(), headers)


def _read(line: str) -> Record:
    number, key, pid, at, *more = line.split()
    return Record(int(number), key, int(pid), float(at), *map(int, more))
