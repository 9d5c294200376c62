"""What became of the polls when a consumer was killed, and which jobs ran again to no effect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from streams.job import kind_of
from streams.jobs.polls import FindExpiredPolls
from streams.wire.lifecycle import Finished
from treadle.dev.demo.coop import Coop
from treadle.dev.demo.reading import TopicReader


@dataclass(frozen=True)
class Account:
    """What became of the polls: by poll, the ids of its rows in `events`, and of the events published.

    `duplicates` counts messages that repeat an event.
    """

    polls: list[int]
    closed: int
    rows: dict[int, set[int]]
    published: dict[int, set[int]]
    duplicates: int

    @property
    def wrong(self) -> list[str]:
        """What is not as it should be; empty when every poll was closed exactly once."""
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
    """Runs of the second consumer without effect: `jobs` that were done before the kill, and `further` runs.

    `found_again` says whether the job that finds the lapsed polls was among those jobs: then all that follows from it
    was sent a second time.
    """

    jobs: int
    further: int
    found_again: bool


def take_account(topics: TopicReader, coop: Coop, polls: list[int]) -> Account:
    """Compare the database with what was published."""
    rows: dict[int, set[int]] = {}
    for event_id, poll in coop.expiries(polls):
        rows.setdefault(poll, set()).add(event_id)
    expired = [event for event in topics.events if event.kind == "poll_expired"]
    published: dict[int, set[int]] = {}
    duplicates = 0
    for (poll_id, event_id), count in Counter((event.poll_id, event.id) for event in expired).items():
        if poll_id in rows:
            published.setdefault(poll_id, set()).add(event_id)
            duplicates += count - 1
    return Account(polls, coop.closed(polls), rows, published, duplicates)


def take_repeats(ran: Sequence[Finished], done: set[str]) -> Repeats:
    """Which runs of the second consumer found their work done; `done` are the jobs done before the kill."""
    jobs = {finished.job for finished in ran}
    repeated = {finished.job: finished.kind for finished in ran if finished.job in done}
    useful = len(jobs) - len(repeated)
    found_again = kind_of(FindExpiredPolls).name in repeated.values()
    return Repeats(len(repeated), len(ran) - useful - len(repeated), found_again)
