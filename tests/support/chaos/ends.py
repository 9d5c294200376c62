"""Jobs of `tests/support/shops/end_jobs.py`, the one end that the policy of each allows, and the ends they had."""

from __future__ import annotations

import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from consumers.lifecycle import Batch
from streams.dead import failure_of
from streams.message import Headers, Message, Received
from streams.topics import DEAD, LIFECYCLE
from tests.support.line import Line
from tests.support.planned import PLANNED

GOING_ON = ("retrying", "later")
"""Outcomes that are told, and are no end."""
MOST_ATTEMPTS = 3
LONGEST = 6.0  # seconds that a job is for later, or put off
_decode = msgspec.json.Decoder(Batch).decode


class End(NamedTuple):
    """An outcome, at which attempt, and why. Of what succeeds nothing is told."""

    outcome: str
    attempt: int
    why: str = ""


@dataclass(frozen=True)
class Planned:
    """One job and its only possible end. `wait` is how long (seconds) after its enqueueing it is due."""

    number: int
    kind: str
    args: dict[str, float]
    end: End
    wait: float = 0.0

    @property
    def id(self) -> str:
        return f"{self.kind}-{self.number}"

    def message(self, now: float) -> Message:
        """On its way home, or to its first tier."""
        papers = {"specversion": "1.0", "id": self.id, "type": self.kind, "source": "/tests/chaos"}
        headers: Headers = [(f"ce_{name}", text.encode()) for name, text in papers.items()]
        if self.wait:
            headers.append(("treadle_due", b"%d" % ((now + self.wait) * 1000)))
        value = msgspec.json.encode({"number": self.number, **self.args})
        home = Message("jobs.low", b"job-%d" % self.number, value, headers)
        return PLANNED.tiers.send_to_wait(home, int(now * 1000))


def plan(number: int, chance: random.Random) -> Planned:
    """A job of any kind, that fails any number of times; a third of them are for later."""
    kind = chance.choice(["succeed", "succeed", "refuse", "drop", "lapse", "once", "put_off"])
    args: dict[str, float] = {}
    if kind == "put_off":
        args = {"until": time.time() + chance.uniform(0, LONGEST)}
    elif kind in ("succeed", "refuse", "drop"):
        args = {"times": chance.randint(0, MOST_ATTEMPTS)}
    wait = chance.uniform(0.1, LONGEST) if chance.random() < 1 / 3 else 0.0
    return Planned(number, f"ends.{kind}", args, _end(kind, int(args.get("times", 0))), wait)


def _end(kind: str, times: int) -> End:
    match kind:
        case "lapse":
            return End("discarded", 2, "LookupError; all 1 retries are used up")
        case "once":
            return End("dead", 1, "jobs of kind ends.once are not retried")
        case "put_off":
            return End("succeeded", 1)
    if times >= MOST_ATTEMPTS:
        return End("dead", MOST_ATTEMPTS, "all 2 retries are used up")
    last = times + 1
    return {
        "succeed": End("succeeded", last),
        "refuse": End("dead", last, "its worker gave up"),
        "drop": End("discarded", last, "not needed"),
    }[kind]


def enqueue(line: Line, jobs: Iterable[Planned]) -> None:
    line.send([job.message(time.time()) for job in jobs])


class Ends:
    """The ends of every job id, from the two places that tell of them.

    `letters` are those on `jobs.dead`. `told` are those in `jobs.lifecycle`, which says of a dead job what the
    error was rather than why nothing tries it again: so of these only the outcome and the attempt count. A
    process that is killed takes the last of them with it.
    """

    def __init__(self, line: Line) -> None:
        self.told: defaultdict[str, Counter[End]] = defaultdict(Counter)
        self.letters: defaultdict[str, Counter[End]] = defaultdict(Counter)
        for message in line.sent(LIFECYCLE):
            for each in _decode(message.value or b"").finished:
                if each.outcome not in GOING_ON:
                    why = "" if each.outcome == "dead" else each.reason
                    self.told[each.job][End(each.outcome, each.attempt, why)] += 1
        for letter in line.sent(DEAD):
            failure = failure_of(letter)
            attempt = int(header(letter, "treadle_attempt") or 1)
            self.letters[header(letter, "ce_id")][End("dead", attempt, failure.why if failure else "?")] += 1

    def others(self, jobs: Iterable[Planned]) -> dict[str, list[End]]:
        """Ends that the policy of their job does not know; also those of jobs that nobody enqueued."""
        allowed = {job.id: job.end for job in jobs}
        found: defaultdict[str, list[End]] = defaultdict(list)
        for id_, ends in self.letters.items():
            found[id_] += [end for end in ends if end != allowed.get(id_)]
        for id_, ends in self.told.items():
            end = allowed.get(id_)
            if end is not None and end.outcome == "dead":
                end = end._replace(why="")
            found[id_] += [each for each in ends if each != end]
        return {id_: ends for id_, ends in found.items() if ends}

    def times(self, job: Planned) -> int:
        """How often this job is known to have ended."""
        return max(place.get(job.id, Counter()).total() for place in (self.told, self.letters))

    @property
    def twins(self) -> dict[str, int]:
        """Of jobs with more than one letter: how many more."""
        return {id_: ends.total() - 1 for id_, ends in self.letters.items() if ends.total() > 1}


def header(message: Received, name: str) -> str:
    """A header as text; empty when it is missing."""
    return (dict(message.headers).get(name) or b"").decode()
