"""What a worker is handed beside its job: the time, the database, and a way to say what follows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from streams.event import Event
from streams.job import Job
from streams.later import due_at

if TYPE_CHECKING:  # jobs are declared and enqueued where no database library is loaded
    from sqlalchemy import Connection


class Transactions(Protocol):
    """Opens the one transaction of an attempt. See `consumers.once` for what a consumer uses."""

    def begin(self, ctx: Context) -> AbstractContextManager[Connection]: ...


class Context:
    """One attempt, as its worker sees it.

    `now` is the moment the attempt began (aware, UTC) and stays the same throughout; `job_id` is the
    same for every attempt of a job; `attempt` counts from 1; `deadline` is when its time is over, if its
    kind has a timeout.
    """

    __slots__ = (
        "_ended",
        "_transaction",
        "_transactions",
        "attempt",
        "deadline",
        "dues",
        "events",
        "job_id",
        "jobs",
        "kind",
        "now",
        "traceparent",
    )

    def __init__(
        self,
        *,
        job_id: str,
        kind: str,
        attempt: int,
        now: datetime,
        transactions: Transactions,
        deadline: datetime | None = None,
        ended: Callable[[], bool] = bool,
        traceparent: str | None = None,
    ) -> None:
        self.job_id = job_id
        self.kind = kind
        self.attempt = attempt
        self.now = now
        self.jobs: list[Job] = []
        self.dues: list[datetime | None] = []
        self.events: list[Event] = []
        self.deadline = deadline
        self.traceparent = traceparent
        self._ended = ended
        self._transactions = transactions
        self._transaction = "none"

    @property
    def stopping(self) -> bool:
        """Whether a long job should come to an end: its time is over, or its process is asked to stop."""
        return self._ended() or (self.deadline is not None and datetime.now(UTC) >= self.deadline)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a transaction on Loomio's database; everything in it, and what follows, happens once.

        It also records the job's id: when a second run of the same job comes here, the first one's
        follow-up jobs are sent again and the attempt ends as succeeded. One transaction to an attempt.
        """
        if self._transaction != "none":
            raise RuntimeError(f"{self.kind} opens a second transaction; one attempt has one")
        self._transaction = "open"
        try:
            with self._transactions.begin(self) as db:
                yield db
        finally:
            self._transaction = "over"

    def enqueue(self, *jobs: Job, delay: timedelta | None = None, at: datetime | None = None) -> None:
        """Jobs that follow from this one: sent when the attempt has succeeded, each under an id of its cause.

        With a transaction, call this inside it: what follows is committed together with the rows. For later: with
        a `delay`, counted from `now`, or `at` an aware moment; BadMessage as from `streams.later.due_at`.
        """
        self._refuse_when_over()
        due = due_at(self.now, delay=delay, at=at)
        self.jobs.extend(jobs)
        self.dues.extend([due] * len(jobs))

    def publish(self, event: Event) -> None:
        """An event for `loomio.events`, sent as the jobs of `enqueue` are."""
        self._refuse_when_over()
        self.events.append(event)

    def _refuse_when_over(self) -> None:
        if self._transaction == "over":
            raise RuntimeError(
                f"{self.kind} enqueues after its transaction: a crash would lose that. Do it inside."
            )
