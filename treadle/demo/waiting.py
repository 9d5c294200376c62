"""The second act: a job fails twice and succeeds, another is for later; both come when they are due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from consumers.lifecycle import Finished
from streams.envelope import seal
from streams.job import Job, kind_of
from streams.producer import Sender, enqueue
from streams.tiers import Tiers
from treadle.demo import tables
from treadle.demo.line import Line
from treadle.demo.steps import Steps
from treadle.demo.unsteady import WAITS, Remind, TryAgain

MODULE = TryAgain.__module__
LATER = timedelta(seconds=3)


def wait_and_come_back(line: Line, producer: Sender, tiers: Tiers, steps: Steps) -> None:
    """Play the act and show its table. Raises TreadleError when something does not come about."""
    with steps.step("A job fails twice and waits in the retry tiers, another is for later"):
        now = datetime.now(UTC)
        jobs = [
            seal(TryAgain(), source="/treadle/demo"),
            seal(Remind(), source="/treadle/demo", due=now + LATER),
        ]
        enqueue(producer, jobs, tiers)

        def done() -> bool:
            return len(_of(line, TryAgain)) == len(WAITS) + 1 and len(_of(line, Remind)) == 1

        line.until(done, "the job that fails has succeeded, and the one for later is done")
    tried = _of(line, TryAgain)
    rows = [(tried[0].kind, "1", "", tried[0].outcome)]
    for before, wait, again in zip(tried[:-1], WAITS, tried[1:], strict=True):
        due = before.began_at + before.took + wait.total_seconds()
        rows.append((again.kind, str(again.attempt), _late(again, due), again.outcome))
    (later,) = _of(line, Remind)
    rows.append((later.kind, str(later.attempt), _late(later, (now + LATER).timestamp()), later.outcome))
    tables.show_waiting(rows)


def _of(line: Line, job: type[Job]) -> list[Finished]:
    facts = (fact for _, fact in line.log.finished if fact.kind == kind_of(job).name)
    return sorted(facts, key=lambda fact: fact.attempt)


def _late(fact: Finished, due: float) -> str:
    return f"{(fact.began_at - due) * 1000:.0f}"
