"""The fourth act: a consumer is killed while polls are closing, another takes over, and nothing is lost."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from consumers.lifecycle import Finished
from streams.errors import TreadleError
from streams.job import kind_of
from streams.jobs.polls import FindExpiredPolls
from treadle.demo import tables
from treadle.demo.closing import KINDS
from treadle.demo.coop import Coop
from treadle.demo.line import Line
from treadle.demo.steps import Steps

_QUIET = 0.5  # seconds without news after which nothing more is expected; facts come every 0.25


@dataclass(frozen=True)
class Killed:
    """How it stood when the consumer was dead."""

    at: float
    closed: int
    done: set[str]


@dataclass(frozen=True)
class Account:
    """What became of the polls: rows of `events`, and events by id, both for each poll."""

    polls: list[int]
    closed: int
    rows: dict[int, set[int]]
    published: dict[int, set[int]]
    doubled: int

    @property
    def wrong(self) -> list[str]:
        """What is not as it has to be; empty when every poll was closed exactly once."""
        found = []
        if self.closed < len(self.polls):
            found.append(f"{len(self.polls) - self.closed} polls are still open")
        if odd := [poll for poll in self.polls if len(self.rows.get(poll, ())) != 1]:
            found.append(f"polls without exactly one poll_expired row: {odd}")
        if odd := [poll for poll in self.polls if self.published.get(poll) != self.rows.get(poll)]:
            found.append(f"polls whose event on loomio.events is not that of the row: {odd}")
        return found


@dataclass(frozen=True)
class Repeats:
    """What the second consumer ran to no effect: `jobs` that were done before the kill, and `further` runs.

    `found_again` tells whether the job that finds the lapsed polls was among the jobs. Then all that follows from
    it was sent a second time.
    """

    jobs: int
    further: int
    found_again: bool


def kill_a_consumer(line: Line, coop: Coop, steps: Steps) -> None:
    """Play the act and show its table. Raises TreadleError when not every poll was closed exactly once."""
    before = coop.jobs_done()
    told_before = len(line.log.finished)
    polls = coop.let_lapse()
    with steps.step(f"{len(polls)} more polls lapse, a second scheduler rings, and polls are closing"):
        line.start("scheduler-2", "scheduler", "--ring-now")
        enough = len(polls) // 4
        line.until(lambda: coop.closed(polls) >= enough, f"{enough} polls are closed", every=0.005)
        line.kill("consumer")
    killed = Killed(time.monotonic(), coop.closed(polls), coop.jobs_done_ids())
    if killed.closed >= len(polls):
        raise TreadleError("all polls were closed before the consumer could be killed: try again")
    steps.say(f"  kill -9: the consumer is dead, {len(polls) - killed.closed} polls are open")
    with steps.step("Another consumer takes over and finishes") as tell:
        second = line.start("consumer-2", "consumer")
        line.until(lambda: coop.closed(polls) > killed.closed, "another consumer closes the first poll")
        taken_over = time.monotonic() - killed.at

        def closed() -> bool:
            tell(f"{(count := coop.closed(polls))} of {len(polls)} polls closed")
            return count == len(polls)

        line.until(closed, "all polls are closed")
        all_closed = time.monotonic() - killed.at
        line.until(
            lambda: all(coop.jobs_done()[kind] - before[kind] >= len(polls) for kind in KINDS),
            "every job that follows from a closed poll is done",
        )
        _read_to_the_end(line, polls)
    account = take_account(line, coop, polls)
    pid = second.process.pid if second.process else 0
    ran = [fact for process, fact in line.log.finished[told_before:] if process.endswith(f":{pid}")]
    _show(account, killed, taken_over, all_closed, take_repeats(ran, killed.done))
    if account.wrong:
        raise TreadleError("not every poll was closed exactly once: " + "; ".join(account.wrong))


def take_account(line: Line, coop: Coop, polls: list[int]) -> Account:
    """Compare the database with what was published."""
    rows: dict[int, set[int]] = {}
    for event_id, poll in coop.expiries(polls):
        rows.setdefault(poll, set()).add(event_id)
    messages = Counter((event.poll_id, event.id) for event in line.log.events if event.kind == "poll_expired")
    published: dict[int, set[int]] = {}
    doubled = 0
    for (poll_id, event_id), count in messages.items():
        if poll_id in rows:
            published.setdefault(poll_id, set()).add(event_id)
            doubled += count - 1
    return Account(polls, coop.closed(polls), rows, published, doubled)


def take_repeats(ran: Sequence[Finished], done: set[str]) -> Repeats:
    """Which of the second consumer's runs found their work done; `done` are the jobs done before the kill."""
    jobs = {fact.job for fact in ran}
    repeated = {fact.job: fact.kind for fact in ran if fact.job in done}
    useful = len(jobs) - len(repeated)
    found_again = kind_of(FindExpiredPolls).name in repeated.values()
    return Repeats(len(repeated), len(ran) - useful - len(repeated), found_again)


def _read_to_the_end(line: Line, polls: list[int]) -> None:
    """Until every poll has its event in what we read, and nothing new has come for a while."""
    quiet_since = time.monotonic()
    seen = -1

    def still() -> bool:
        nonlocal quiet_since, seen
        now = len(line.log.finished) + len(line.log.events)
        if now != seen:
            seen, quiet_since = now, time.monotonic()
        published = {event.poll_id for event in line.log.events}
        return published.issuperset(polls) and time.monotonic() - quiet_since > _QUIET

    line.until(still, "every poll has its event on loomio.events")


def _show(account: Account, killed: Killed, taken_over: float, all_closed: float, repeats: Repeats) -> None:
    polls = len(account.polls)
    rows = [
        ("polls that lapsed", f"{polls:,}"),
        ("closed when the consumer was killed", f"{killed.closed:,}"),
        ("closed by the one that took over", f"{account.closed - killed.closed:,}"),
        ("closed in all", f"{account.closed:,}"),
        ("poll_expired rows in the database", f"{sum(map(len, account.rows.values())):,}"),
        ("different events on loomio.events", f"{sum(map(len, account.published.values())):,}"),
        ("messages there that repeat one, with the same id", f"{account.doubled:,}"),
        ("jobs that were done before the kill and ran again", f"{repeats.jobs:,}"),
        ("further runs that found their work done already", f"{repeats.further:,}"),
        ("from the kill to the next closed poll", f"{taken_over:.1f} s"),
        ("from the kill to the last closed poll", f"{all_closed:.1f} s"),
    ]
    verdict = "NOT closed once each" if account.wrong else "all closed, each exactly once"
    tables.show_account(f"Killed with -9 in the middle of it: {verdict}", rows, _why(repeats, polls))


def _why(repeats: Repeats, polls: int) -> str | None:
    """Why there were so many further runs, if there was a reason for many."""
    if not repeats.found_again:
        return None
    return (
        "One of the jobs that ran again finds the lapsed polls: the consumer was killed before it had committed\n"
        f"the end of it. So the {polls:,} jobs it leads to were sent a second time, and what they lead to. They\n"
        "have the same ids as the first time, find their work done, and change nothing."
    )
