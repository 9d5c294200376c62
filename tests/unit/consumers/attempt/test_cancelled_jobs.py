"""A job that a person has cancelled does not begin."""

import pytest
from msgspec.structs import replace

from consumers.attempt.outcome import NOTHING_FOLLOWS, Cancelled, Outcome
from consumers.attempt.performer import Performer
from consumers.attempt.transactions import NoDatabase
from consumers.context import Services
from consumers.worker import Workers
from streams.message import Message, Received
from streams.overrides.message import Override, encode_override, released
from streams.overrides.table import Overrides
from tests.support.builders.messages import KINDS, NOW, Greet, a_message
from tests.unit.streams.received import as_received

CANCEL = Override("cancel", "o1", "ada", NOW, "a mistake")
CANCEL_MOVED = Override("cancel", "o3", "ada", NOW, stale=(900,))


def outcome(job: Received, override: Override, begun: list[Greet] | None = None) -> Outcome:
    """Of an attempt at this job, whose id is id-1, while this override is in force."""
    workers, overrides = Workers(), Overrides()
    workers.worker(Greet)(lambda job, ctx: None if begun is None else begun.append(job))
    overrides.take(b"id-1", encode_override("id-1", override).value)
    return Performer(KINDS, workers, Services(NoDatabase()), overrides=overrides).attempt(job)


def test_a_cancelled_job_does_not_begin() -> None:
    begun: list[Greet] = []

    assert outcome(a_message(), CANCEL, begun) == Cancelled("ada", "a mistake")
    assert begun == []


@pytest.mark.parametrize("cancel", [CANCEL, CANCEL_MOVED])
def test_a_job_that_is_released_from_a_cancel_begins_until_it_is_cancelled_again(cancel: Override) -> None:
    job = a_message()
    job = as_received(released(Message(job.topic, job.key, job.value, job.headers), cancel))

    assert outcome(job, cancel) == NOTHING_FOLLOWS
    assert outcome(job, replace(cancel, id="o9")) == Cancelled("ada", cancel.why)
