"""The account of every job: which numbers went in, and which records came out, by whom and when."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from streams.message import Headers, Message
from tests.support.line import Line


class Record(NamedTuple):
    """What a worker of `tests/support/shops/chaos_jobs.py` wrote: `pid` performed this at `at` (epoch seconds).

    Those of `end_jobs.py` say which attempt it was. `child`: a child of `pid` did, as the job was a suspect.
    """

    number: int
    key: str
    pid: int
    at: float
    attempt: int = 1
    child: int = 0


class Account:
    """Reads on in what the processes of a line print. It may be asked often: what is read is counted once."""

    def __init__(self, line: Line) -> None:
        self._path = Path(line.folder, "stdout")
        self._read_to = 0
        self._performed: list[Record] = []
        self._numbers: set[int] = set()
        self._by: Counter[int] = Counter()

    @property
    def performed(self) -> list[Record]:
        """All there is by now."""
        self._read_on()
        return self._performed

    @property
    def numbers(self) -> set[int]:
        """Jobs that were performed at least once."""
        self._read_on()
        return self._numbers

    def by(self, pid: int) -> int:
        """How many records a process left itself."""
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
        """Of each job that was performed more than once: its records in the order of time."""
        of_job: defaultdict[int, list[Record]] = defaultdict(list)
        for record in self.performed:
            of_job[record.number].append(record)
        return [sorted(them, key=lambda each: each.at) for them in of_job.values() if len(them) > 1]

    def told(self, enqueued: int, **more: object) -> str:
        """One line for whoever reads the test's output."""
        times = [len(records) for records in self.repeated]
        repeats = f"{len(times)} jobs, {max(times)} times at most" if times else "none"
        facts = {"enqueued": enqueued, "performed": len(self.numbers), "repeated": repeats, **more}
        return "account: " + "; ".join(f"{name.replace('_', ' ')} {value}" for name, value in facts.items())


def enqueue(line: Line, kind: str, numbers: Iterable[int], *, keys: int = 0) -> None:
    """Enqueue a job for each number; with `keys`, number n has the key n modulo `keys`."""
    line.send(_message(kind, number, f"key-{number % keys}" if keys else None) for number in numbers)


def _message(kind: str, number: int, key: str | None) -> Message:
    papers = {"specversion": "1.0", "id": f"{kind}-{number}", "type": kind, "source": "/tests/chaos"}
    papers["time"] = "2025-12-08T18:07:00+00:00"
    headers: Headers = [(f"ce_{name}", text.encode()) for name, text in papers.items()]
    value = f'{{"number":{number},"key":"{key}"}}' if key else f'{{"number":{number}}}'
    return Message("jobs.low", key.encode() if key else None, value.encode(), headers)


def _read(line: str) -> Record:
    number, key, pid, at, *more = line.split()
    return Record(int(number), key, int(pid), float(at), *map(int, more))
