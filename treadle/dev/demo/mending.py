"""Part 3: a job dies, a person mends the cause and sends it back, and it succeeds."""

from __future__ import annotations

import shlex

from streams.envelope import seal
from streams.errors import TreadleError
from streams.headers import ID, text_of
from streams.kafka.producer import Sender
from streams.message import Received
from streams.wire.audit import Audit
from streams.wire.failure import failure_of
from streams.wire.jobs import encode_job
from streams.wire.lifecycle import Finished
from treadle.dev.demo import tables
from treadle.dev.demo.coop import Coop
from treadle.dev.demo.pipeline import Pipeline
from treadle.dev.demo.steps import Steps
from treadle.dev.demo.workers import ReadClock

MISSPELT = "Europe/Lissabon"
BY, WHY = "demo", "the time zone is corrected"


def mend_and_send_back(pipeline: Pipeline, coop: Coop, producer: Sender, steps: Steps) -> None:
    """Run this part and show its tables. Raises TreadleError when something does not happen."""
    user, zone = coop.member()
    job = seal(ReadClock(user_id=user), source="/treadle/demo")
    message = encode_job(job)
    with steps.step("A member's time zone is misspelt, and a job that needs it dies"):
        coop.set_zone(user, MISSPELT)
        pipeline.expected.add(message.value or b"")
        producer.send([message])

        def died() -> bool:
            return bool(_dead_letters(pipeline, job.id)) and "dead" in _outcomes(pipeline, job.id)

        pipeline.until(died, "the job is on jobs.dead")
    dead_letter = _dead_letters(pipeline, job.id)[0]
    failure = failure_of(dead_letter)
    if failure is None:
        raise TreadleError("the dead letter gives no reason")
    tables.show_dead_letter("A dead job, kept on jobs.dead until a person decides", dead_letter, failure)
    with steps.step("The time zone is corrected, the job is sent back to its queue, and it succeeds"):
        coop.set_zone(user, zone)
        position = f"{dead_letter.partition}:{dead_letter.offset}"
        command = ("dead", "retry", position, "--by", BY, "--why", WHY)
        steps.say(f"  $ treadle {shlex.join(command)}")
        steps.say(f"  {pipeline.command(*command)}")

        def succeeded() -> bool:
            return "succeeded" in _outcomes(pipeline, job.id) and bool(_audits(pipeline, dead_letter))

        pipeline.until(succeeded, "the job that was sent back has succeeded")
    attempts = [_row(finished) for finished in _attempts(pipeline, job.id)]
    audit = _audits(pipeline, dead_letter)[0]
    tables.show_sent_back([attempts[0], ("", "sent back", f"by {audit.by}: {audit.why}"), *attempts[1:]])


def _dead_letters(pipeline: Pipeline, job: str) -> list[Received]:
    return [each for each in pipeline.topics.dead_letters if text_of(each.headers, ID) == job]


def _audits(pipeline: Pipeline, dead_letter: Received) -> list[Audit]:
    position = (dead_letter.partition, dead_letter.offset)
    retries = [audit for audit in pipeline.topics.audits if audit.action == "retry"]
    return [audit for audit in retries if position in audit.dead_letters]


def _attempts(pipeline: Pipeline, job: str) -> list[Finished]:
    attempts = (finished for _, finished in pipeline.topics.finished if finished.job == job)
    return sorted(attempts, key=lambda finished: finished.began_at)


def _outcomes(pipeline: Pipeline, job: str) -> list[str]:
    return [finished.outcome for finished in _attempts(pipeline, job)]


def _row(finished: Finished) -> tuple[str, str, str]:
    return str(finished.attempt), finished.outcome, finished.reason
