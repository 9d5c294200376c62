"""From a job to a dead letter and back: the same bytes, except for the headers about its attempts."""

from hypothesis import given
from hypothesis import strategies as st

from streams.headers import FAILURE, REDRIVES
from streams.message import Headers
from streams.wire.failure import failure, failure_of
from streams.wire.redrive import dead_letter, redrive_message, redrives_of
from tests.support.builders.messages import NOW, a_message
from tests.unit.streams.received import as_received

OF_ATTEMPTS = ["treadle_attempt", "treadle_due", "treadle_failure", "treadle_snoozes", "treadle_redrives"]
HEADERS = st.lists(
    st.tuples(
        st.sampled_from([*OF_ATTEMPTS, "ce_id", "treadle_queue", "treadle_released", "x"]),
        st.none() | st.binary(max_size=9),
    ),
    max_size=8,
)


@given(
    key=st.none() | st.binary(max_size=20),
    value=st.none() | st.binary(max_size=20),
    headers=st.lists(st.tuples(st.just(FAILURE) | st.text(max_size=9), st.none() | st.binary(max_size=20))),
)
def test_a_dead_letter_keeps_key_value_and_headers_byte_for_byte_except_an_earlier_failure(
    key: bytes | None, value: bytes | None, headers: Headers
) -> None:
    received = a_message(value, key=key, headers=headers)

    dead = dead_letter(received, failure(ValueError("no"), received, NOW))

    assert dead.topic == "jobs.dead"
    assert (dead.key, dead.value) == (key, value)
    assert dead.headers[:-1] == [each for each in headers if each[0] != FAILURE]
    assert dead.headers[-1][0] == FAILURE


@given(headers=HEADERS, key=st.none() | st.binary(), value=st.none() | st.binary())
def test_a_redriven_job_is_a_first_attempt_and_otherwise_what_it_was(
    headers: Headers, key: bytes | None, value: bytes | None
) -> None:
    job = a_message(value, key=key, headers=headers)
    dead = as_received(dead_letter(job, failure(ValueError("no"), job, NOW)))

    sent = redrive_message(dead, "jobs.low")

    assert (sent.topic, sent.key, sent.value, sent.due) == ("jobs.low", key, value, None)
    kept = [each for each in headers if each[0] not in OF_ATTEMPTS]
    assert sent.headers[:-2] == kept
    assert sent.headers[-2:] == [("treadle_attempt", b"1"), (REDRIVES, b"%d" % (redrives_of(job) + 1))]


def test_redrives_are_counted() -> None:
    dead = a_message(topic="jobs.dead")

    for _ in range(3):
        dead = as_received(redrive_message(dead, "jobs.low"))

    assert redrives_of(dead) == 3


def test_a_dead_letter_has_the_newest_failure_alone() -> None:
    before = a_message(more=[(FAILURE, b"{}"), (FAILURE, None)])

    dead = dead_letter(before, failure(LookupError("no poll"), before, NOW))

    assert [name for name, _ in dead.headers].count(FAILURE) == 1
    found = failure_of(as_received(dead))
    assert found is not None
    assert (found.error, found.message) == ("LookupError", "no poll")
