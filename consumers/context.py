"""What a worker gets besides its job: the time, the services, and a way to enqueue what follows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from streams.event import Event
from streams.job import Job
from streams.moments import due_at

if TYPE_CHECKING:  # jobs are declared and enqueued where no database library is loaded
    from sqlalchemy import Connection

    from streams.message import Message


class Transactions(Protocol):
    """Opens the one transaction of an attempt. A consumer uses `consumers.attempt.transactions`."""

    def begin(self, ctx: Context) -> AbstractContextManager[Connection]: ...


@dataclass(frozen=True)
class Services:
    """What workers reach outside themselves, one field each. A future gateway is a field here, not an argument."""

    transactions: Transactions


class Context:
    """One attempt, as its worker sees it.

    `now` is the moment the attempt began (aware, UTC) and never changes; `job_id` is the same for every attempt of a
    job; `attempt` counts from 1; `deadline` is when its time limit is over, if its worker has one.
    """

    __slots__ = (
        "_ended",
        "_transaction",
        "attempt",
        "deadline",
        "dues",
        "events",
        "follow_ups",
        "job_id",
        "jobs",
        "kind",
        "now",
        "services",
        "traceparent",
    )

    def __init__(
        self,
        *,
        job_id: str,
        kind: str,
        attempt: int,
        now: datetime,
        services: Services,
        deadline: datetime | None = None,
        ended: Callable[[], bool] = bool,
        traceparent: str | None = None,
    ) -> None:
        self.job_id = job_id
        self.kind = kind
        self.attempt = attempt
        self.now = now
        self.services = services
        self.jobs: list[Job] = []
        self.dues: list[datetime | None] = []
        self.events: list[Event] = []
        self.follow_ups: tuple[Message, ...] | None = None  # set when they are first needed
        self.deadline = deadline
        self.traceparent = traceparent
        self._ended = ended
        self._transaction = "none"

    @property
    def stopping(self) -> bool:
        """Whether a long job should return now: its time limit is over, or its process was asked to stop."""
        return self._ended() or (self.deadline is not None and datetime.now(UTC) >= self.deadline)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a transaction on Loomio's database; everything in it, and what follows, happens once.

        It also records the job's id: when the same job runs a second time, the first run's follow-ups are sent again
        and the attempt succeeds. Each attempt has one transaction.
        """
        if self._transaction != "none":
            raise RuntimeError(f"{self.kind} opens a second transaction; an attempt has only one")
        self._transaction = "open"
        try:
            with self.services.transactions.begin(self) as db:
                yield db
        finally:
            self._transaction = "over"

    def enqueue(self, *jobs: Job, delay: timedelta | None = None, at: datetime | None = None) -> None:
        """Enqueue jobs that follow from this one: sent once it has succeeded, each under an id derived from its id.

        With a transaction, call this inside it: what follows is committed together with the rows. To schedule them,
        give a `delay`, counted from `now`, or an aware moment `at`; raises BadMessage as `streams.moments.due_at` does.
        """
        self._refuse_when_over()
        due = due_at(self.now, delay=delay, at=at)
        self.jobs.extend(jobs)
        self.dues.extend([due] * len(jobs))

    def publish(self, event: Event) -> None:
        """Publish an event on `loomio.events`: it is sent together with the jobs of `enqueue`."""
        self._refuse_when_over()
        self.events.append(event)

    def _refuse_when_over(self) -> None:
        if self._transaction == "over":
            raise RuntimeError(
                f"{self.kind} enqueues after its transaction, where a crash would lose it. Do it inside."
            )
