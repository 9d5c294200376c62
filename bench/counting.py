"""Inside a process that performs jobs: records when the first began and the last ended. Imports nothing else of ours.

The same for every side (`sidekiq_jobs.rb` is the Ruby version): each job takes a number from a counter, the first
and the last read the clocks, and the last writes the file. Nothing else runs alongside the jobs.
"""

import itertools
import json
import os
import time
from pathlib import Path


class Counting:
    """Counts jobs up to `BENCH_JOBS`, then writes the marks to the file `BENCH_MARKS`."""

    def __init__(self) -> None:
        self._last = int(os.environ.get("BENCH_JOBS", "0")) - 1
        self._file = os.environ.get("BENCH_MARKS", "")
        self._begun = itertools.count()  # `next` is atomic in CPython: no two jobs get the same number
        self._ended = itertools.count()
        self._first = (0.0, 0.0)

    def begin(self) -> None:
        """A job begins."""
        if next(self._begun) == 0:
            self._first = _clocks()

    def end(self) -> None:
        """A job ends."""
        if next(self._ended) == self._last:
            self._write()

    def one(self) -> None:
        """A job that takes no time begins and ends."""
        number = next(self._begun)
        if number == 0:
            self._first = _clocks()
        elif number == self._last:
            self._write()

    def _write(self) -> None:
        wall, cpu = _clocks()
        marks = {"seconds": wall - self._first[0], "cpu": cpu - self._first[1]}
        unfinished = Path(f"{self._file}.new")
        unfinished.write_text(json.dumps(marks))
        unfinished.rename(self._file)


def _clocks() -> tuple[float, float]:
    return time.monotonic(), time.process_time()


class Recording:
    """One line for each job in the file `BENCH_RECORDS`: a number, and when it began (monotonic seconds).

    A line is written in one call, so it is complete and survives a kill -9, whatever else writes to the file.
    """

    def __init__(self) -> None:
        path = os.environ.get("BENCH_RECORDS")
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT) if path else -1

    def one(self, number: int) -> None:
        """Write the line of this job."""
        os.write(self._file, b"%d %.6f\n" % (number, time.monotonic()))

    def began(self, number: int, sent: float) -> None:
        """Write how long this job waited, since `sent` (monotonic seconds)."""
        os.write(self._file, b"%d %.6f\n" % (number, time.monotonic() - sent))
