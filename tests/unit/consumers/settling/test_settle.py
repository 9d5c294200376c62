"""What must be acknowledged before an attempt is complete, for each outcome."""

from __future__ import annotations

from datetime import timedelta

from consumers.attempt.outcome import Cancelled, Dead, Discarded, Outcome, Retrying, Succeeded
from consumers.settling.settle import settlement
from streams.job import Queue
from streams.message import Message, Received
from streams.moments import epoch_ms
from streams.wire.failure import failure, failure_of
from streams.wire.jobs import encode_job
from tests.support.builders.messages import NOW, TIERS, Greet, a_message, an_envelope

MS = epoch_ms(NOW)
FOLLOW_UP = Message("jobs.low", None, b"{}", [])


def settled(outcome: Outcome, received: Received | None = None) -> list[Message]:
    return list(settlement(outcome, received or a_message(), Queue.LOW, TIERS, MS))


def test_a_success_settles_with_its_follow_ups() -> None:
    assert settled(Succeeded((FOLLOW_UP,))) == [FOLLOW_UP]


def test_a_scheduled_follow_up_starts_to_wait_when_it_is_sent() -> None:
    scheduled = encode_job(an_envelope(Greet("Ada"), due=NOW + timedelta(seconds=60.5)))

    (message,) = settled(Succeeded((scheduled,)))
    (sent_late,) = settlement(Succeeded((scheduled,)), a_message(), Queue.LOW, TIERS, MS + 61_000)

    assert (message.topic, message.headers) == ("retry.1m", scheduled.headers)
    assert dict(message.headers)["treadle_queue"] == b"low"
    assert sent_late == scheduled


def test_a_job_to_be_retried_settles_as_it_arrived_in_its_first_tier() -> None:
    received = a_message(
        b"[1, 2 ]",
        key=b"k",
        headers={"treadle_attempt": b"1", "traceparent": b"00-ab-cd-01", "treadle_due": b"1", "x": b"\xff"},
    )
    due = NOW + timedelta(seconds=16)

    (message,) = settled(Retrying(due, 2, 0, failure(ValueError("no"), received, NOW)), received)

    headers = dict(message.headers)
    assert (message.topic, message.key, message.value) == ("retry.15s", b"k", b"[1, 2 ]")
    assert message.partition is not None
    assert TIERS.by_topic["retry.15s"].wait(message.partition) == 15_000
    assert (headers["treadle_attempt"], headers["treadle_queue"]) == (b"2", b"low")
    assert headers["treadle_due"] == b"%d" % (MS + 16_000)
    assert (headers["traceparent"], headers["x"], headers["ce_id"]) == (b"00-ab-cd-01", b"\xff", b"id-1")
    assert len(message.headers) == len(headers)


def test_the_first_failure_is_kept_through_retries_and_when_a_job_is_snoozed() -> None:
    received = a_message()
    (first,) = settled(Retrying(NOW, 2, 0, failure(ValueError("one"), received, NOW)), received)
    again = a_message(headers=first.headers)

    (second,) = settled(Retrying(NOW, 3, 0, failure(KeyError("two"), again, NOW + timedelta(1))), again)
    (snoozed,) = settled(Retrying(NOW, 2, 1), again)

    last = failure_of(a_message(headers=second.headers))
    assert last is not None
    assert (last.error, last.first_at, last.last_at) == ("KeyError", NOW, NOW + timedelta(1))
    assert failure_of(a_message(headers=snoozed.headers)) == failure_of(again)
    assert dict(snoozed.headers)["treadle_snoozes"] == b"1"


def test_a_discarded_job_settles_with_nothing() -> None:
    assert settled(Discarded("gone")) == []


def test_a_cancelled_job_settles_with_nothing() -> None:
    assert settled(Cancelled("ada", "sent by mistake")) == []


def test_a_dead_job_settles_with_its_dead_letter() -> None:
    received = a_message(b"hello")

    (dead_letter,) = settled(Dead(failure(ValueError("no"), received, NOW)), received)

    assert (dead_letter.topic, dead_letter.value) == ("jobs.dead", b"hello")
