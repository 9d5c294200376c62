"""Why an attempt failed: what the header says, what it keeps, and what it leaves out."""

from datetime import timedelta

import msgspec
import pytest

from streams.headers import FAILURE
from streams.wire.failure import (
    MAX_BACKTRACE,
    MAX_FRAMES,
    MAX_REASON,
    Failure,
    backtrace,
    failure,
    failure_of,
)
from streams.wire.redrive import dead_letter
from tests.support.builders.messages import NOW, a_message
from tests.unit.streams.received import as_received


class Speechless(Exception):
    def __str__(self) -> str:
        raise RuntimeError("cannot say")


def test_a_failure_says_what_happened_when_and_where() -> None:
    received = a_message(topic="jobs.high", partition=3, offset=99)

    found = failure_of(as_received(dead_letter(received, failure(ValueError("no such poll"), received, NOW))))

    assert found == Failure("ValueError", "no such poll", NOW, NOW, "jobs.high", 3, 99)


def test_a_second_failure_keeps_the_time_of_the_first_and_replaces_it() -> None:
    received = a_message()
    once = as_received(dead_letter(received, failure(ValueError("no"), received, NOW)))
    an_hour_on = NOW + timedelta(hours=1)

    twice = as_received(dead_letter(once, failure(KeyError("gone"), once, an_hour_on)))

    found = failure_of(twice)
    assert found is not None
    assert (found.first_at, found.last_at, found.error) == (NOW, an_hour_on, "KeyError")
    assert [name for name, _ in twice.headers].count(FAILURE) == 1


@pytest.mark.parametrize(
    "header",
    [b"{}", None, b"", b"7", b'"\xff"', b'{"error":"\xff"}', b"[" * 100_000, b'{"x":' + b"[" * 100_000],
)
def test_a_failure_that_cannot_be_read_counts_as_none(header: bytes | None) -> None:
    received = a_message(more=[(FAILURE, header)])

    assert failure_of(received) is None
    assert failure(ValueError("no"), received, NOW) == failure(ValueError("no"), a_message(), NOW)


def test_of_two_failures_the_last_is_read_as_with_any_header() -> None:
    dead_letters = [
        dead_letter(a_message(), failure(error("no"), a_message(), NOW)) for error in (KeyError, OSError)
    ]

    found = failure_of(a_message(more=[each.headers[-1] for each in dead_letters]))

    assert found is not None
    assert found.error == "OSError"


def test_a_message_without_the_header_has_no_failure() -> None:
    assert failure_of(a_message()) is None


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("x" * 5_000), "x" * MAX_REASON),
        (ValueError("bad name \udcff"), "bad name \\udcff"),
        (Speechless(), "the error could not be put into words"),
    ],
)
def test_whatever_an_error_says_can_be_written(error: Exception, message: str) -> None:
    received = a_message()

    why = failure(error, received, NOW)

    assert why.message == message
    assert msgspec.json.decode(dead_letter(received, why).headers[-1][1] or b"")["message"] == message


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
