"""The account of every job: which numbers went in, and which records came out, by whom and when."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from streams.message import Message
from streams.producer import Producer
from tests.line import Line


class Record(NamedTuple):
    """What a worker of `tests/shops/chaos_jobs.py` wrote: `pid` did this at `at` (epoch seconds)."""

    what: str
    number: int
    key: str
    pid: int
    at: float


class Account:
    """Reads on in what the processes of a line print."""

    def __init__(self, line: Line) -> None:
        self._path = Path(line.folder, "stdout")
        self._read_to = 0
        self._all: list[Record] = []

    @property
    def records(self) -> list[Record]:
        """All there is by now."""
        if self._path.exists():
            with self._path.open("rb") as out:
                out.seek(self._read_to)
                whole, newline, _ = out.read().rpartition(b"\n")
            self._read_to += len(whole) + len(newline)
            self._all += map(_read, whole.decode().splitlines())
        return self._all

    @property
    def performed(self) -> list[Record]:
        return [record for record in self.records if record.what == "performed"]

    @property
    def numbers(self) -> set[int]:
        """Jobs that were performed at least once."""
        return {record.number for record in self.performed}

    def by(self, pid: int) -> int:
        """How many records a process left."""
        return sum(record.pid == pid for record in self.records)

    @property
    def repeated(self) -> list[list[Record]]:
        """Of each job that was performed more than once: its records in the order of time."""
        of_job: defaultdict[int, list[Record]] = defaultdict(list)
        for record in self.performed:
            of_job[record.number].append(record)
        return [sorted(them, key=lambda each: each.at) for them in of_job.values() if len(them) > 1]

    def told(self, enqueued: int, **more: object) -> str:
        """One line for whoever reads the test's output."""
        times = Counter(len(records) for records in self.repeated)
        repeats = ", ".join(f"{count} jobs {n} times" for n, count in sorted(times.items())) or "none"
        facts = {"enqueued": enqueued, "performed": len(self.numbers), "repeated": repeats, **more}
        return "account: " + "; ".join(f"{name.replace('_', ' ')} {value}" for name, value in facts.items())


def enqueue(line: Line, kind: str, numbers: Iterable[int], *, keys: int = 0) -> None:
    """Enqueue a job for each number; with `keys`, number n has the key n modulo `keys`."""
    producer = Producer({"bootstrap.servers": line.kafka})
    producer.send(_message(kind, number, f"key-{number % keys}" if keys else None) for number in numbers)
    producer.close()


def _message(kind: str, number: int, key: str | None) -> Message:
    papers = {"specversion": "1.0", "id": f"{kind}-{number}", "type": kind, "source": "/tests/chaos"}
    papers["time"] = "2025-12-08T18:07:00+00:00"
    headers = [(f"ce_{name}", text.encode()) for name, text in papers.items()]
    value = f'{{"number":{number},"key":"{key}"}}' if key else f'{{"number":{number}}}'
    return Message("jobs.low", key.encode() if key else None, value.encode(), headers)


def _read(line: str) -> Record:
    what, number, key, pid, at = line.split()
    return Record(what, int(number), key, int(pid), float(at))
