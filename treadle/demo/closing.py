"""The first act: lapsed polls close, their events are published, a malformed message is set aside."""

from __future__ import annotations

from streams.dead import failure_of
from streams.errors import TreadleError
from streams.job import Queue
from streams.message import Message
from streams.producer import Sender
from streams.topics import topic_of
from treadle.demo import tables
from treadle.demo.coop import Coop
from treadle.demo.line import Line
from treadle.demo.steps import Steps

# What each lapsed poll leads to.
KINDS = ("polls.close", "search.reindex_poll", "events.publish")

MALFORMED = Message(
    topic_of(Queue.DEFAULT),
    None,
    b'{"poll_id": "the one about the new roof"}',
    [
        ("ce_specversion", b"1.0"),
        ("ce_id", b"demo-malformed"),
        ("ce_type", b"polls.close"),
        ("ce_source", b"/treadle/demo"),
    ],
)


def close_lapsed_polls(line: Line, coop: Coop, producer: Sender, steps: Steps) -> None:
    """Play the act and show its tables. Raises TreadleError when something does not come about."""
    polls = coop.lapsed()
    with steps.step("A scheduler that rings at once, agents and a consumer close what has lapsed") as tell:
        for name, *options in (("scheduler", "--ring-now"), ("agents",), ("retries",), ("consumer",)):
            line.start(name, name, *options)

        def closed() -> bool:
            tell(f"{(count := coop.closed(polls))} of {len(polls)} polls closed")
            return count == len(polls)

        line.until(closed, f"all {len(polls)} lapsed polls are closed")
    with steps.step("Their events appear on loomio.events") as tell:
        what = "every poll has its event on loomio.events, and jobs.lifecycle tells of every job"
        line.until(lambda: _published(line, polls) and _told(line, len(polls)), what)
    with steps.step("A malformed message among the jobs"):
        line.expected.add(MALFORMED.value or b"")
        producer.send([MALFORMED])
        line.until(lambda: bool(line.log.dead), "the malformed message is on jobs.dead")
    letter = line.log.dead[0]
    reason = failure_of(letter)
    if reason is None or letter.value != MALFORMED.value:
        raise TreadleError("the dead letter is not the malformed message as it came, with a reason")
    tables.show_closings(coop.closings(polls))
    tables.show_events(line.log.events)
    tables.show_jobs(fact for _, fact in line.log.finished)
    tables.show_dead_letter("A malformed message, kept on jobs.dead as it came", letter, reason)


def _published(line: Line, polls: list[int]) -> bool:
    return {event.poll_id for event in line.log.events if event.kind == "poll_expired"}.issuperset(polls)


def _told(line: Line, polls: int) -> bool:
    kinds = [fact.kind for _, fact in line.log.finished]
    return all(kinds.count(kind) >= polls for kind in KINDS)
