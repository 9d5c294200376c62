"""The third act: a job dies, a person mends what it died of and sends it back, and it succeeds."""

from __future__ import annotations

import shlex

from consumers.lifecycle import Finished
from streams.audit import Audit
from streams.codec import encode_job
from streams.dead import failure_of
from streams.envelope import seal
from streams.errors import TreadleError
from streams.message import Received
from streams.producer import Sender
from streams.redrive import text_of
from treadle.demo import tables
from treadle.demo.coop import Coop
from treadle.demo.line import Line
from treadle.demo.steps import Steps
from treadle.demo.unsteady import ReadClock

MISSPELT = "Europe/Lissabon"
WHO, WHY = "demo", "the time zone is right again"


def mend_and_send_back(line: Line, coop: Coop, producer: Sender, steps: Steps) -> None:
    """Play the act and show its tables. Raises TreadleError when something does not come about."""
    user, zone = coop.member()
    job = seal(ReadClock(user_id=user), source="/treadle/demo")
    message = encode_job(job)
    with steps.step("A member's time zone is misspelt, and a job that needs it dies"):
        coop.set_zone(user, MISSPELT)
        line.expected.add(message.value or b"")
        producer.send([message])

        def died() -> bool:
            return bool(_letters(line, job.id)) and "dead" in _outcomes(line, job.id)

        line.until(died, "the job is on jobs.dead")
    letter = _letters(line, job.id)[0]
    reason = failure_of(letter)
    if reason is None:
        raise TreadleError("the dead letter gives no reason")
    tables.show_dead_letter("A job that died, kept on jobs.dead until a person decides", letter, reason)
    with steps.step("The time zone is put right, the job is sent back, and it succeeds"):
        coop.set_zone(user, zone)
        command = ("dead", "retry", f"{letter.partition}:{letter.offset}", "--by", WHO, "--why", WHY)
        steps.say(f"  $ treadle {shlex.join(command)}")
        steps.say(f"  {line.command(*command)}")

        def succeeded() -> bool:
            return "succeeded" in _outcomes(line, job.id) and bool(_audits(line, letter))

        line.until(succeeded, "the job that was sent back has succeeded")
    attempts = [_row(fact) for fact in _facts(line, job.id)]
    audit = _audits(line, letter)[0]
    tables.show_sent_back([attempts[0], ("", "sent back", f"by {audit.by}: {audit.why}"), *attempts[1:]])


def _letters(line: Line, job: str) -> list[Received]:
    return [letter for letter in line.log.dead if text_of(letter, "ce_id") == job]


def _audits(line: Line, letter: Received) -> list[Audit]:
    place = (letter.partition, letter.offset)
    return [audit for audit in line.log.audits if audit.action == "retry" and place in audit.letters]


def _facts(line: Line, job: str) -> list[Finished]:
    facts = (fact for _, fact in line.log.finished if fact.job == job)
    return sorted(facts, key=lambda fact: fact.began_at)


def _outcomes(line: Line, job: str) -> list[str]:
    return [fact.outcome for fact in _facts(line, job)]


def _row(fact: Finished) -> tuple[str, str, str]:
    return str(fact.attempt), fact.outcome, fact.reason
