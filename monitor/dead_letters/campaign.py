"""A campaign: dead letters that are counted, then sent back (a canary first, at a limited rate) or deleted.

The command line and the page both run one. Nothing here prints or asks: each step yields the account so far.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

from sqlalchemy import Engine

from monitor.dead_letters.canary import PASSED, Canary
from monitor.dead_letters.redrive import BatchResult, delete, redrive
from monitor.dead_letters.request import Selection
from monitor.dead_letters.select import as_of_now, count
from monitor.note import Note
from streams.kafka.producer import Sender
from streams.overrides.feed import overrides_in_force


class Stop(Protocol):
    """How a person stops a campaign that is in progress."""

    @property
    def asked(self) -> bool:
        """Whether it has to stop; looked at before each batch."""

    def wait(self, seconds: float) -> bool:
        """Wait this long, or until it has to stop; whether it has to."""


@dataclass(frozen=True)
class Pace:
    """How to redrive: at most `rate` a second; `canary` of them first, whose outcomes have `canary_wait` to arrive."""

    rate: float | None = None
    canary: int | None = None
    canary_wait: timedelta = timedelta(seconds=60)


@dataclass
class Account:
    """What has become of the dead letters that were selected.

    `done` were sent back or deleted. That includes `duplicates`, which go along with another dead letter of their job
    even if they were not selected. `without_queue` and `too_large` name those that were skipped (sets that keep their
    order). `canary` has the outcome of each of its jobs. `stopped` says why the campaign ended early.
    """

    selected: int
    died_again: int = 0
    """Skipped, because they died again after an earlier redrive."""
    done: int = 0
    duplicates: int = 0
    without_queue: dict[str, None] = field(default_factory=dict)
    too_large: dict[str, None] = field(default_factory=dict)
    canary: dict[str, str] | None = None
    stopped: str = ""

    @property
    def planned(self) -> int:
        """How many are to be sent back or deleted."""
        return self.selected - self.died_again

    def take(self, batch: BatchResult) -> None:
        """Add what one batch came to."""
        self.done += batch.dead_letters
        self.duplicates += batch.duplicates
        self.without_queue |= dict.fromkeys(batch.without_queue)
        self.too_large |= dict.fromkeys(batch.too_large)


class Campaign:
    """The dead letters of a selection as they are now, without what dies from now on.

    `counts` is the dry run: how many of which kind and error. Iterate over `redrive` or `delete` once; each step is a
    batch that is in Kafka, in the audit and in the store. `selection` can be given to a later campaign, which then has
    the same dead letters. Without `again`, those that died again after an earlier redrive are skipped.
    """

    def __init__(self, database: Engine, selection: Selection, *, again: bool) -> None:
        self._database = database
        self._again = again
        with database.connect() as db:
            self.selection = selection if selection.before is not None else as_of_now(db, selection)
            self.counts = count(db, self.selection)
        died_again = 0 if again else sum(each.died_again for each in self.counts)
        self.account = Account(sum(each.dead_letters for each in self.counts), died_again)

    def redrive(
        self, kafka: Mapping[str, Any], sender: Sender, note: Note, stop: Stop, pace: Pace
    ) -> Iterator[Account]:
        """Send them back to their queues. Raises NotDelivered; what was sent before stays sent.

        The canary goes first, and the rest only if all of its jobs succeed or are discarded.
        """
        send = partial(
            redrive,
            *(self._database, sender, self.selection, note, overrides_in_force(kafka)),
            again=self._again,
            rate=pace.rate,
            pause=stop.wait,
        )
        if pace.canary is not None:
            with Canary(kafka) as canary:
                jobs: list[str] = []
                for batch in self._until_asked(stop, send(limit=pace.canary)):
                    jobs += batch.jobs
                    yield self.account
                outcomes = canary.outcomes(jobs, pace.canary_wait, pause=stop.wait)
            self._judge(jobs, outcomes, stop)
            yield self.account
        if not self.account.stopped:
            yield from self._all(send(), stop)

    def delete(self, sender: Sender, note: Note, stop: Stop) -> Iterator[Account]:
        """Mark them as deleted. Raises NotDelivered."""
        yield from self._all(delete(self._database, sender, self.selection, note, again=self._again), stop)

    def _all(self, batches: Iterator[BatchResult], stop: Stop) -> Iterator[Account]:
        for _ in self._until_asked(stop, batches):
            yield self.account
        if stop.asked:
            self.account.stopped = "stopped on request"

    def _until_asked(self, stop: Stop, batches: Iterator[BatchResult]) -> Iterator[BatchResult]:
        """The batches, taken into the account; once asked to stop, no further one is begun."""
        while not stop.asked and (batch := next(batches, None)) is not None:
            self.account.take(batch)
            yield batch

    def _judge(self, jobs: Sequence[str], outcomes: Mapping[str, str], stop: Stop) -> None:
        """Note the canary's outcomes, and stop the campaign unless all of its jobs have passed."""
        missing = "not reported yet" if stop.asked else "not reported in time"
        self.account.canary = {job: outcomes.get(job, missing) for job in jobs}
        failed = [outcome for outcome in self.account.canary.values() if outcome not in PASSED]
        if failed:
            why = ", ".join(f"{number} {outcome}" for outcome, number in Counter(failed).items())
            fared = "had not succeeded when the redrive was stopped" if stop.asked else "did not succeed"
            self.account.stopped = f"{len(failed)} of the canary's {len(jobs)} jobs {fared} ({why})"
