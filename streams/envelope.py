"""An envelope is a job and what travels with it; this file also derives the ids of jobs from their causes."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import chain, repeat

import msgspec
import uuid_utils

from streams.job import Job, Queue, kind_of

# Generated once with uuid4: the namespace of ids derived from causes (RFC 9562, UUID version 5).
_CAUSES = uuid.UUID("0c0b2f3e-6d0e-4f4b-9a55-5a5f3c1d8e77")
_encode = msgspec.json.Encoder().encode


class Envelope(msgspec.Struct, frozen=True):
    """A job and everything about it that travels through Kafka.

    `source` is what caused the job ("/treadle/scheduler"), `time` when it was enqueued; `attempt` counts from 1, and
    the job must not start before `due`. `snoozes` is how often its worker has snoozed it (`RetryLater`).
    Moments are aware, in UTC.
    """

    job: Job
    id: str
    queue: Queue
    source: str
    time: datetime
    key: str | None = None
    attempt: int = 1
    due: datetime | None = None
    traceparent: str | None = None
    snoozes: int = 0

    @property
    def kind(self) -> str:
        return kind_of(self.job).name


def seal(
    job: Job,
    *,
    source: str,
    id: str | None = None,
    queue: Queue | None = None,
    key: str | None = None,
    due: datetime | None = None,
    traceparent: str | None = None,
    now: datetime | None = None,
) -> Envelope:
    """Put a job into an envelope, with a fresh UUIDv7 and its kind's queue and key unless others are given."""
    kind = kind_of(job)
    return Envelope(
        job=job,
        id=id or str(uuid_utils.uuid7()),
        queue=queue or kind.queue,
        source=source,
        time=now or datetime.now(UTC),
        key=key if key is not None else kind.key_of(job),
        due=due,
        traceparent=traceparent,
    )


def id_from(*cause: str) -> str:
    """The job id derived from a cause: the same words always give the same UUID."""
    return str(uuid.uuid5(_CAUSES, "\n".join(cause)))


def children(
    jobs: Iterable[Job],
    *,
    of: str,
    source: str,
    now: datetime,
    dues: Iterable[datetime | None] = (),
    traceparent: str | None = None,
) -> list[tuple[Envelope, bytes]]:
    """Envelopes for the jobs that follow from the cause with id `of`, each with its arguments as JSON.

    `dues` has the due moments of scheduled jobs. A second run of a cause gives the same ids: each derives from the
    cause, the kind, the arguments and, among identical jobs of one cause, their number.
    """
    seen: Counter[tuple[str, bytes]] = Counter()
    sealed = []
    for job, due in zip(jobs, chain(dues, repeat(None))):  # noqa: B905  # the second is endless
        what = kind, value = (kind_of(job).name, _encode(job))
        seen[what] += 1
        id_ = id_from(of, kind, value.decode(), str(seen[what]))
        envelope = seal(job, source=source, id=id_, due=due, traceparent=traceparent, now=now)
        sealed.append((envelope, value))
    return sealed
