"""An envelope is a job with its papers; this file also makes the ids of jobs from their causes."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import chain, repeat

import msgspec
import uuid_utils

from streams.job import Job, Queue, kind_of

# Made once with uuid4: the space in which ids made from causes live (RFC 9562, UUID version 5).
_CAUSES = uuid.UUID("0c0b2f3e-6d0e-4f4b-9a55-5a5f3c1d8e77")


class Envelope(msgspec.Struct, frozen=True):
    """A job with its papers, as it travels through Kafka.

    `source` says what made the job be ("/treadle/scheduler"), `time` when it was enqueued, `attempt`
    counts from 1, and the job must not start before `due`. `later` says how often it was put off by RetryLater.
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
    later: int = 0

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
    """Put a job into an envelope: a fresh UUIDv7 unless an `id` is given, `queue` and `key` of its kind."""
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
    """The job id that belongs to a cause: the same words give the same UUID, always and everywhere."""
    return str(uuid.uuid5(_CAUSES, "\n".join(cause)))


def children(
    jobs: Iterable[Job],
    *,
    of: str,
    source: str,
    now: datetime,
    dues: Iterable[datetime | None] = (),
    traceparent: str | None = None,
) -> list[Envelope]:
    """Envelopes for the jobs that the cause with id `of` led to; `dues` has the moments of those for later.

    The second run of a cause gives the same ids: each is made from the cause, the kind and the
    arguments, and, where a cause wants the very same job twice, which of them it is.
    """
    seen: Counter[tuple[str, bytes]] = Counter()
    sealed = []
    for job, due in zip(jobs, chain(dues, repeat(None))):  # noqa: B905  # the second is endless
        what = (kind_of(job).name, msgspec.json.encode(job))
        seen[what] += 1
        id_ = id_from(of, what[0], what[1].decode(), str(seen[what]))
        sealed.append(seal(job, source=source, id=id_, due=due, traceparent=traceparent, now=now))
    return sealed
