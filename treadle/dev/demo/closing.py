"""Part 1: lapsed polls close, their events are published, and a malformed message becomes a dead letter."""

from __future__ import annotations

from streams.errors import TreadleError
from streams.headers import ID, SOURCE, SPEC_VERSION, TYPE
from streams.job import Queue
from streams.kafka.producer import Sender
from streams.message import Message
from streams.topics import topic_of
from streams.wire.failure import failure_of
from treadle.dev.demo import tables
from treadle.dev.demo.coop import Coop
from treadle.dev.demo.pipeline import Pipeline
from treadle.dev.demo.steps import Steps

# The jobs that follow from each lapsed poll.
KINDS = ("polls.close", "search.reindex_poll", "events.publish")

MALFORMED = Message(
    topic_of(Queue.DEFAULT),
    None,
    b'{"poll_id": "the one about the new roof"}',
    [
        (SPEC_VERSION, b"1.0"),
        (ID, b"demo-malformed"),
        (TYPE, b"polls.close"),
        (SOURCE, b"/treadle/demo"),
    ],
)


def close_lapsed_polls(pipeline: Pipeline, coop: Coop, producer: Sender, steps: Steps) -> None:
    """Run this part and show its tables. Raises TreadleError when something does not happen."""
    polls = coop.lapsed()
    with steps.step("Scheduler, agents and a consumer start, and close the lapsed polls") as progress:
        for name, *options in (("scheduler", "--run-now"), ("agents",), ("retries",), ("consumer",)):
            pipeline.start(name, name, *options)

        def closed() -> bool:
            progress(f"{(count := coop.closed(polls))} of {len(polls)} polls closed")
            return count == len(polls)

        pipeline.until(closed, f"all {len(polls)} lapsed polls are closed")
    with steps.step("The polls' events appear on loomio.events"):
        what = "every poll has its event on loomio.events, and every job is on jobs.lifecycle"
        pipeline.until(lambda: _published(pipeline, polls) and _reported(pipeline, len(polls)), what)
    with steps.step("A malformed message becomes a dead letter"):
        pipeline.expected.add(MALFORMED.value or b"")
        producer.send([MALFORMED])
        pipeline.until(lambda: bool(pipeline.topics.dead_letters), "the malformed message is on jobs.dead")
    dead_letter = pipeline.topics.dead_letters[0]
    failure = failure_of(dead_letter)
    if failure is None or dead_letter.value != MALFORMED.value:
        raise TreadleError("the dead letter is not the malformed message, unchanged and with a reason")
    tables.show_closings(coop.closings(polls))
    tables.show_events(pipeline.topics.events)
    tables.show_jobs(finished for _, finished in pipeline.topics.finished)
    tables.show_dead_letter("A malformed message, kept unchanged on jobs.dead", dead_letter, failure)


def _published(pipeline: Pipeline, polls: list[int]) -> bool:
    expired = {event.poll_id for event in pipeline.topics.events if event.kind == "poll_expired"}
    return expired.issuperset(polls)


def _reported(pipeline: Pipeline, polls: int) -> bool:
    kinds = [finished.kind for _, finished in pipeline.topics.finished]
    return all(kinds.count(kind) >= polls for kind in KINDS)
