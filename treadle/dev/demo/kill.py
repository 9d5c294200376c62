"""Part 4: a consumer is killed while polls are closing, another takes over, and nothing is lost."""

from __future__ import annotations

import time
from dataclasses import dataclass

from streams.errors import TreadleError
from treadle.dev.demo import tables
from treadle.dev.demo.account import Account, Repeats, take_account, take_repeats
from treadle.dev.demo.closing import KINDS
from treadle.dev.demo.coop import Coop
from treadle.dev.demo.pipeline import Pipeline
from treadle.dev.demo.steps import Steps

_QUIET = 0.5  # seconds without news after which no more is expected; outcomes are reported every 0.25


@dataclass(frozen=True)
class Killed:
    """The state when the consumer was dead."""

    at: float
    closed: int
    done: set[str]


def kill_a_consumer(pipeline: Pipeline, coop: Coop, steps: Steps) -> None:
    """Run this part and show its table. Raises TreadleError when not every poll was closed exactly once."""
    before = coop.jobs_done()
    finished_before = len(pipeline.topics.finished)
    polls = coop.let_lapse()
    with steps.step(
        f"{len(polls)} more polls lapse, a second scheduler fires, and the consumer is closing them"
    ):
        pipeline.start("scheduler-2", "scheduler", "--run-now")
        enough = len(polls) // 4
        pipeline.until(lambda: coop.closed(polls) >= enough, f"{enough} polls are closed", every=0.005)
        pipeline.kill("consumer")
    killed = Killed(time.monotonic(), coop.closed(polls), coop.jobs_done_ids())
    if killed.closed >= len(polls):
        raise TreadleError("all polls were closed before the consumer could be killed; run the demo again")
    steps.say(f"  kill -9: the consumer is dead, {len(polls) - killed.closed} polls are still open")
    with steps.step("Another consumer takes over and finishes") as progress:
        second = pipeline.start("consumer-2", "consumer")
        pipeline.until(lambda: coop.closed(polls) > killed.closed, "another consumer closes the first poll")
        taken_over = time.monotonic() - killed.at

        def closed() -> bool:
            progress(f"{(count := coop.closed(polls))} of {len(polls)} polls closed")
            return count == len(polls)

        pipeline.until(closed, "all polls are closed")
        all_closed = time.monotonic() - killed.at
        pipeline.until(
            lambda: all(coop.jobs_done()[kind] - before[kind] >= len(polls) for kind in KINDS),
            "every job that follows from a closed poll is done",
        )
        _read_to_the_end(pipeline, polls)
    account = take_account(pipeline.topics, coop, polls)
    pid = second.process.pid if second.process else 0
    since = pipeline.topics.finished[finished_before:]
    ran = [finished for process, finished in since if process.endswith(f":{pid}")]
    _show(account, killed, taken_over, all_closed, take_repeats(ran, killed.done))
    if account.wrong:
        raise TreadleError("not every poll was closed exactly once: " + "; ".join(account.wrong))


def _read_to_the_end(pipeline: Pipeline, polls: list[int]) -> None:
    """Read until every poll has its event, and nothing new has appeared for a while."""
    topics = pipeline.topics
    quiet_since = time.monotonic()
    seen = -1

    def ended() -> bool:
        nonlocal quiet_since, seen
        now = len(topics.finished) + len(topics.events)
        if now != seen:
            seen, quiet_since = now, time.monotonic()
        published = {event.poll_id for event in topics.events}
        return published.issuperset(polls) and time.monotonic() - quiet_since > _QUIET

    pipeline.until(ended, "every poll has its event on loomio.events")


def _show(account: Account, killed: Killed, taken_over: float, all_closed: float, repeats: Repeats) -> None:
    polls = len(account.polls)
    rows = [
        ("polls that lapsed", f"{polls:,}"),
        ("closed when the consumer was killed", f"{killed.closed:,}"),
        ("closed by the consumer that took over", f"{account.closed - killed.closed:,}"),
        ("closed in total", f"{account.closed:,}"),
        ("poll_expired rows in the database", f"{sum(map(len, account.rows.values())):,}"),
        ("distinct events on loomio.events", f"{sum(map(len, account.published.values())):,}"),
        ("duplicates of these, with the same id", f"{account.duplicates:,}"),
        ("jobs done before the kill that ran again", f"{repeats.jobs:,}"),
        ("further runs that found their work already done", f"{repeats.further:,}"),
        ("from the kill to the next closed poll", f"{taken_over:.1f} s"),
        ("from the kill to the last closed poll", f"{all_closed:.1f} s"),
    ]
    verdict = f"{'NOT ' if account.wrong else ''}every poll was closed exactly once"
    tables.show_account(
        f"A consumer killed with -9 while closing polls: {verdict}", rows, _why(repeats, polls)
    )


def _why(repeats: Repeats, polls: int) -> str | None:
    """Why there were many further runs, if that has a reason."""
    if not repeats.found_again:
        return None
    return (
        "One of the jobs that ran again finds the lapsed polls: the consumer was killed before it had committed\n"
        f"that job. So the {polls:,} jobs that follow from it, and those that follow from these, were sent again.\n"
        "They have the same ids as before, find their work already done, and change nothing."
    )
