"""Dead letters: byte for byte what came, and why nobody will try it again."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.dead import (
    FAILURE,
    MAX_BACKTRACE,
    MAX_FRAMES,
    MAX_REASON,
    Failure,
    backtrace,
    dead_letter,
    failure,
    failure_of,
)
from streams.message import Headers, Received
from tests.support.builders.messages import NOW, a_message

BYTES = st.binary(max_size=20)


class Speechless(Exception):
    def __str__(self) -> str:
        raise RuntimeError("cannot say")


def as_it_lies(received: Received, why: Failure) -> Received:
    letter = dead_letter(received, why)
    return received._replace(topic=letter.topic, key=letter.key, value=letter.value, headers=letter.headers)


@given(
    key=st.none() | BYTES,
    value=st.none() | BYTES,
    headers=st.lists(st.tuples(st.just(FAILURE) | st.text(max_size=9), st.none() | BYTES)),
)
def test_key_value_and_headers_stay_byte_for_byte_but_for_an_earlier_failure(
    key: bytes | None, value: bytes | None, headers: Headers
) -> None:
    came = a_message(value, key=key, headers=headers)

    letter = dead_letter(came, failure(ValueError("no"), came, NOW))

    assert letter.topic == "jobs.dead"
    assert (letter.key, letter.value) == (key, value)
    assert letter.headers[:-1] == [each for each in headers if each[0] != FAILURE]
    assert letter.headers[-1][0] == FAILURE


def test_the_reason_says_what_happened_when_and_where() -> None:
    came = a_message(topic="jobs.high", partition=3, offset=99)

    told = failure_of(as_it_lies(came, failure(ValueError("no such poll"), came, NOW)))

    assert told == Failure("ValueError", "no such poll", NOW, NOW, "jobs.high", 3, 99)


def test_a_second_failure_keeps_the_time_of_the_first_and_is_the_only_reason() -> None:
    came = a_message()
    once = as_it_lies(came, failure(ValueError("no"), came, NOW))
    later = NOW + timedelta(hours=1)

    twice = as_it_lies(once, failure(KeyError("gone"), once, later))

    told = failure_of(twice)
    assert told is not None
    assert (told.first_at, told.last_at, told.error) == (NOW, later, "KeyError")
    assert [name for name, _ in twice.headers].count(FAILURE) == 1


@pytest.mark.parametrize(
    "reason",
    [b"{}", None, b"", b"7", b'"\xff"', b'{"error":"\xff"}', b"[" * 100_000, b'{"x":' + b"[" * 100_000],
)
def test_a_reason_that_cannot_be_read_is_no_reason(reason: bytes | None) -> None:
    came = a_message(more=[(FAILURE, reason)])

    assert failure_of(came) is None
    assert failure(ValueError("no"), came, NOW) == failure(ValueError("no"), a_message(), NOW)


def test_of_two_reasons_the_last_is_read_as_of_any_header() -> None:
    reasons = [
        as_it_lies(a_message(), failure(error("no"), a_message(), NOW)) for error in (KeyError, OSError)
    ]

    told = failure_of(a_message(more=[reason.headers[-1] for reason in reasons]))

    assert told is not None
    assert told.error == "OSError"


def test_without_a_reason_there_is_none() -> None:
    assert failure_of(a_message()) is None


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("x" * 5_000), "x" * MAX_REASON),
        (ValueError("bad name \udcff"), "bad name \\udcff"),
        (Speechless(), "the error could not be put into words"),
    ],
)
def test_whatever_an_error_says_can_be_written(error: Exception, told: str) -> None:
    came = a_message()

    why = failure(error, came, NOW)

    assert why.message == told
    assert msgspec.json.decode(dead_letter(came, why).headers[-1][1])["message"] == told


def deep(levels: int, secret: str) -> None:
    if levels:
        deep(levels - 1, secret)
    raise ValueError("too deep")


@pytest.mark.parametrize("levels", [0, 3, 500])
def test_a_backtrace_is_bounded_and_names_no_values(levels: int) -> None:
    with pytest.raises(ValueError, match="too deep") as caught:
        deep(levels, secret="ada@example.org")

    lines = backtrace(caught.value)

    assert lines[0].endswith(" in deep")
    assert len(lines) == levels + 2 if levels < 10 else 10 < len(lines) <= MAX_FRAMES
    assert sum(len(line.encode()) for line in lines) <= MAX_BACKTRACE
    assert "ada@example.org" not in str(lines)
