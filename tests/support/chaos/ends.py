"""Jobs of `tests/support/shops/end_jobs.py`, the one end that the policy of each allows, and how they did end."""

from __future__ import annotations

import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from streams.message import Headers, Message, Received
from streams.topics import DEAD, LIFECYCLE
from streams.wire.failure import failure_of
from streams.wire.lifecycle import Batch
from tests.support.line import Line
from tests.support.planned import PLANNED

GOING_ON = ("retrying", "snoozed")
"""Reported outcomes after which a job goes on."""
MOST_ATTEMPTS = 3
LONGEST = 6.0  # seconds for which a job is scheduled or snoozed at most
_decode = msgspec.json.Decoder(Batch).decode


class End(NamedTuple):
    """A job's last outcome, at which attempt, and why."""

    outcome: str
    attempt: int
    why: str = ""


@dataclass(frozen=True)
class Planned:
    """One job and its only possible end. It is due `wait` seconds after it was enqueued."""

    number: int
    kind: str
    args: dict[str, float]
    end: End
    wait: float = 0.0

    @property
    def id(self) -> str:
        return f"{self.kind}-{self.number}"

    def message(self, now: float) -> Message:
        """The message that enqueues it: to its queue, or to its first tier."""
        attributes = {"specversion": "1.0", "id": self.id, "type": self.kind, "source": "/tests/chaos"}
        headers: Headers = [(f"ce_{name}", text.encode()) for name, text in attributes.items()]
        due = int((now + self.wait) * 1000) if self.wait else None
        if due is not None:
            headers += [("treadle_due", b"%d" % due), ("treadle_queue", b"low")]
        value = msgspec.json.encode({"number": self.number, **self.args})
        message = Message("jobs.low", b"job-%d" % self.number, value, headers, due=due)
        return PLANNED.tiers.send_to_wait(message, int(now * 1000))


def plan(number: int, chance: random.Random) -> Planned:
    """A job of a random kind that fails a random number of times. One in three is scheduled for later."""
    kind = chance.choice(["succeed", "succeed", "refuse", "drop", "lapse", "once", "snooze"])
    args: dict[str, float] = {}
    if kind == "snooze":
        args = {"until": time.time() + chance.uniform(0, LONGEST)}
    elif kind in ("succeed", "refuse", "drop"):
        args = {"times": chance.randint(0, MOST_ATTEMPTS)}
    wait = chance.uniform(0.1, LONGEST) if chance.random() < 1 / 3 else 0.0
    return Planned(number, f"ends.{kind}", args, _end(kind, int(args.get("times", 0))), wait)


def _end(kind: str, times: int) -> End:
    match kind:
        case "lapse":
            return End("discarded", 2, "LookupError; all 1 retries are exhausted")
        case "once":
            return End("dead", 1, "jobs of kind ends.once are not retried")
        case "snooze":
            return End("succeeded", 1)
    if times >= MOST_ATTEMPTS:
        return End("dead", MOST_ATTEMPTS, "all 2 retries are exhausted")
    last = times + 1
    return {
        "succeed": End("succeeded", last),
        "refuse": End("dead", last, "its worker gave up"),
        "drop": End("discarded", last, "not needed"),
    }[kind]


def enqueue(line: Line, jobs: Iterable[Planned]) -> None:
    line.send([job.message(time.time()) for job in jobs])


class Ends:
    """The ends of every job id, from the two topics that have them.

    `dead_letters` are those in `jobs.dead`, `reported` those in `jobs.lifecycle`. A report of a dead job has its error
    instead of why it is not retried, so only its outcome and attempt count. A process that is killed loses its last
    reports.
    """

    def __init__(self, line: Line) -> None:
        self.reported: defaultdict[str, Counter[End]] = defaultdict(Counter)
        self.dead_letters: defaultdict[str, Counter[End]] = defaultdict(Counter)
        for message in line.sent(LIFECYCLE):
            for each in _decode(message.value or b"").finished:
                if each.outcome not in GOING_ON:
                    why = "" if each.outcome == "dead" else each.reason
                    self.reported[each.job][End(each.outcome, each.attempt, why)] += 1
        for dead_letter in line.sent(DEAD):
            failure = failure_of(dead_letter)
            attempt = int(header(dead_letter, "treadle_attempt") or 1)
            end = End("dead", attempt, failure.why if failure else "?")
            self.dead_letters[header(dead_letter, "ce_id")][end] += 1

    def unexpected(self, jobs: Iterable[Planned]) -> dict[str, list[End]]:
        """Ends that the policy of their job does not allow, and any end of a job that was not enqueued."""
        allowed = {job.id: job.end for job in jobs}
        found: defaultdict[str, list[End]] = defaultdict(list)
        for id_, ends in self.dead_letters.items():
            found[id_] += [end for end in ends if end != allowed.get(id_)]
        for id_, ends in self.reported.items():
            end = allowed.get(id_)
            if end is not None and end.outcome == "dead":
                end = end._replace(why="")
            found[id_] += [each for each in ends if each != end]
        return {id_: ends for id_, ends in found.items() if ends}

    def times(self, job: Planned) -> int:
        """How often this job is known to have ended."""
        return max(ends.get(job.id, Counter()).total() for ends in (self.reported, self.dead_letters))

    @property
    def duplicates(self) -> dict[str, int]:
        """How many dead letters too many each job has."""
        return {id_: ends.total() - 1 for id_, ends in self.dead_letters.items() if ends.total() > 1}


def header(message: Received, name: str) -> str:
    """A header as text; empty when it is missing."""
    return (dict(message.headers).get(name) or b"").decode()
