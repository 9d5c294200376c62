"""What a shop tests its workers with. It loads neither pytest nor a Kafka client, and sends nothing.

>>> def test_a_closed_poll_is_left_alone(practice_database: Engine) -> None:
...     outcome = perform(ClosePoll(poll_id=A_CLOSED_POLL), practice_database)
...     assert outcome == Discarded("already closed")

`pytest_plugins = ["treadle.testing"]` in the root conftest.py adds the fixture `practice_database`, for which
TREADLE_DATABASE names a server (PYTEST_DONT_REWRITE: there is no `assert` here).
"""

from consumers.attempt.outcome import Cancelled, Dead, Discarded, Outcome, Retrying, Succeeded
from consumers.context import Services
from streams.wire.failure import Failure
from treadle.testing.attempt import perform
from treadle.testing.expect import assert_enqueued, assert_published
from treadle.testing.outcomes import enqueued, envelopes, failure_in, published

pytest_plugins = ("treadle.testing.fixtures",)

__all__ = [
    "Cancelled",
    "Dead",
    "Discarded",
    "Failure",
    "Outcome",
    "Retrying",
    "Services",
    "Succeeded",
    "assert_enqueued",
    "assert_published",
    "enqueued",
    "envelopes",
    "failure_in",
    "perform",
    "published",
]
