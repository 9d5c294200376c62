"""Part 2: one job fails twice and succeeds, another is scheduled; each returns to its queue when it is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from streams.envelope import seal
from streams.job import Job, kind_of
from streams.kafka.producer import Sender, enqueue
from streams.tiers import Tiers
from streams.wire.lifecycle import Finished
from treadle.dev.demo import tables
from treadle.dev.demo.pipeline import Pipeline
from treadle.dev.demo.steps import Steps
from treadle.dev.demo.workers import WAITS, Remind, TryAgain

DELAY = timedelta(seconds=3)


def wait_and_return(pipeline: Pipeline, producer: Sender, tiers: Tiers, steps: Steps) -> None:
    """Run this part and show its table. Raises TreadleError when something does not happen."""
    with steps.step("One job fails twice and waits in the retry tiers, another is scheduled"):
        now = datetime.now(UTC)
        jobs = [
            seal(TryAgain(), source="/treadle/demo"),
            seal(Remind(), source="/treadle/demo", due=now + DELAY),
        ]
        enqueue(producer, jobs, tiers)

        def done() -> bool:
            return len(_of(pipeline, TryAgain)) == len(WAITS) + 1 and len(_of(pipeline, Remind)) == 1

        pipeline.until(done, "the failing job has succeeded and the scheduled one is done")
    tried = _of(pipeline, TryAgain)
    rows = [(tried[0].kind, "1", "", tried[0].outcome)]
    for before, wait, retried in zip(tried[:-1], WAITS, tried[1:], strict=True):
        due = before.began_at + before.took + wait.total_seconds()
        rows.append((retried.kind, str(retried.attempt), _late(retried, due), retried.outcome))
    (scheduled,) = _of(pipeline, Remind)
    late = _late(scheduled, (now + DELAY).timestamp())
    rows.append((scheduled.kind, str(scheduled.attempt), late, scheduled.outcome))
    tables.show_waiting(rows)


def _of(pipeline: Pipeline, job: type[Job]) -> list[Finished]:
    kind = kind_of(job).name
    attempts = (finished for _, finished in pipeline.topics.finished if finished.kind == kind)
    return sorted(attempts, key=lambda finished: finished.attempt)


def _late(finished: Finished, due: float) -> str:
    return f"{(finished.began_at - due) * 1000:.0f}"
