"""What follows from an attempt in a test: lists to compare, and assertions that show what follows instead."""

from datetime import timedelta
from typing import Any

import pytest

from consumers.context import Context
from consumers.worker import Workers
from streams.errors import Discard, RetryLater
from streams.job import Queue
from tests.support.builders.messages import NOW, Count, Greet, a_fact
from treadle.testing import (
    Outcome,
    Succeeded,
    assert_enqueued,
    assert_published,
    enqueued,
    envelopes,
    failure_in,
    perform,
    published,
)

HOUR = timedelta(hours=1)
ODD = timedelta(microseconds=1)  # less than Kafka's millisecond


def after(worker: Any) -> Outcome:
    workers = Workers()
    workers.worker(Count)(worker)
    return perform(Count(1), now=NOW, job_id="id-1", workers=workers)


@pytest.fixture
def outcome() -> Outcome:
    """Two greetings, the second in an hour; a count at a moment; and an event."""

    def count(job: Count, ctx: Context) -> None:
        ctx.enqueue(Greet("Ada"))
        ctx.enqueue(Greet("Bob"), delay=HOUR)
        ctx.enqueue(Count(2), at=NOW + 2 * HOUR + ODD)
        ctx.publish(a_fact(poll_id=7))

    return after(count)


def raising(error: Exception) -> Outcome:
    def count(job: Count, ctx: Context) -> None:
        ctx.enqueue(Greet("Ada"))
        raise error

    return after(count)


def test_what_follows_is_given_as_it_was_enqueued_and_published(outcome: Outcome) -> None:
    assert enqueued(outcome) == [Greet("Ada"), Greet("Bob"), Count(2)]
    assert published(outcome) == [a_fact(poll_id=7)]


def test_each_job_is_given_with_what_travels_beside_it(outcome: Outcome) -> None:
    ada, bob, count = envelopes(outcome)

    assert (ada.kind, ada.queue, ada.key, ada.due) == ("test.greet", Queue.LOW, "person:Ada", None)
    assert bob.due == NOW + HOUR
    assert (count.queue, count.key) == (Queue.DEFAULT, None)
    assert len({ada.id, bob.id, count.id}) == 3


def test_jobs_are_found_whatever_follows_beside_them(outcome: Outcome) -> None:
    assert_enqueued(outcome, Greet("Ada"))
    assert_enqueued(outcome, Count(2), Greet("Bob"))
    assert_enqueued(outcome, Greet("Ada"), Greet("Bob"), queue=Queue.LOW)
    assert_enqueued(outcome, Greet("Bob"), key="person:Bob", delay=HOUR)
    assert_enqueued(outcome, Greet("Ada"), delay=timedelta())
    assert_enqueued(outcome, Count(2), at=NOW + 2 * HOUR + ODD)


SHOWN = """
Enqueued instead:
  Greet(name='Ada', times=1, polite=None), queue low, key person:Ada
  Greet(name='Bob', times=1, polite=None), queue low, key person:Bob, due 2025-12-08T19:07:00+00:00
  Count(upto=2, step=None), queue default, due 2025-12-08T20:07:00.001000+00:00"""


@pytest.mark.parametrize(
    ("job", "wanted", "missing"),
    [
        (Greet("Cy"), {}, "Greet(name='Cy', times=1, polite=None)"),
        (Count(2), {"queue": Queue.LOW}, "Count(upto=2, step=None), queue low"),
        (Count(2), {"key": "person:2"}, "Count(upto=2, step=None), key person:2"),
        (Count(2), {"delay": HOUR}, "Count(upto=2, step=None), after 1:00:00"),
        (Count(2), {"delay": timedelta()}, "Count(upto=2, step=None), after 0:00:00"),
        (Count(2), {"at": NOW + HOUR}, "Count(upto=2, step=None), due 2025-12-08T19:07:00+00:00"),
    ],
)
def test_a_job_that_is_missing_is_named_with_those_enqueued_instead(
    outcome: Outcome, job: Any, wanted: dict[str, Any], missing: str
) -> None:
    with pytest.raises(AssertionError) as error:
        assert_enqueued(outcome, job, **wanted)

    assert str(error.value) == f"not enqueued: {missing}{SHOWN}"


def test_a_job_wanted_twice_must_be_enqueued_twice(outcome: Outcome) -> None:
    with pytest.raises(AssertionError, match="not enqueued: Greet"):
        assert_enqueued(outcome, Greet("Ada"), Greet("Ada"))


def test_where_nothing_was_enqueued_the_message_says_so() -> None:
    with pytest.raises(AssertionError) as error:
        assert_enqueued(Succeeded(), Greet("Ada"))

    assert str(error.value) == ("not enqueued: Greet(name='Ada', times=1, polite=None)\nEnqueued: nothing.")


def test_no_job_at_all_is_a_mistake(outcome: Outcome) -> None:
    with pytest.raises(TypeError, match=r"assert enqueued\(outcome\) == \[\]"):
        assert_enqueued(outcome)


def test_an_event_is_found_by_its_kind_and_fields(outcome: Outcome) -> None:
    assert_published(outcome, "poll_expired")
    assert_published(outcome, "poll_expired", poll_id=7, eventable_type="Poll")


def test_an_event_that_is_missing_is_named_with_those_published_instead(outcome: Outcome) -> None:
    with pytest.raises(AssertionError) as error:
        assert_published(outcome, "poll_expired", poll_id=8)

    assert (
        str(error.value)
        == f"not published: poll_expired, poll_id=8\nPublished instead:\n  {a_fact(poll_id=7)!r}"
    )
    with pytest.raises(AssertionError, match=r"^not published: poll_created\nPublished instead:"):
        assert_published(outcome, "poll_created")


def test_a_field_that_events_do_not_have_is_refused(outcome: Outcome) -> None:
    with pytest.raises(AttributeError, match="an event has no field pol_id"):
        assert_published(outcome, "poll_expired", pol_id=7)


def test_nothing_follows_from_a_job_that_was_discarded_or_snoozed() -> None:
    for outcome in (raising(Discard("gone")), raising(RetryLater(HOUR))):
        assert enqueued(outcome) == []
        assert published(outcome) == []


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (Discard("gone"), "it was discarded: gone"),
        (RetryLater(HOUR), "it was snoozed until 2025-12-08T19:07:00+00:00"),
    ],
)
def test_a_job_missed_after_a_verdict_is_explained_by_it(verdict: Exception, said: str) -> None:
    with pytest.raises(AssertionError) as error:
        assert_enqueued(raising(verdict), Greet("Ada"))

    assert str(error.value).endswith(f"Enqueued: nothing.\nThe attempt did not succeed: {said}")


@pytest.mark.parametrize(
    "question",
    [
        enqueued,
        envelopes,
        published,
        lambda outcome: assert_enqueued(outcome, Greet("Ada")),
        lambda outcome: assert_published(outcome, "poll_expired"),
    ],
    ids=["enqueued", "envelopes", "published", "assert_enqueued", "assert_published"],
)
def test_what_follows_from_a_failure_cannot_be_asked(question: Any) -> None:
    with pytest.raises(AssertionError) as error:
        question(raising(LookupError("no such poll")))

    first, said, frame, *_ = str(error.value).splitlines()
    assert first == "the attempt failed: it is retried as attempt 2 at 2025-12-08T18:07:15+00:00"
    assert said == "  LookupError: no such poll"
    assert "test_follow_ups.py:" in frame
    assert frame.endswith("count")


def test_a_failure_asked_of_an_attempt_that_did_not_fail_is_refused() -> None:
    with pytest.raises(AssertionError, match=r"^the attempt did not fail: it succeeded$"):
        failure_in(Succeeded())
    with pytest.raises(AssertionError, match=r"^the attempt did not fail: it was discarded: gone$"):
        failure_in(raising(Discard("gone")))
