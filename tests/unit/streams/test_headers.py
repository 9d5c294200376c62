"""Reading headers, whatever they contain: of two with the same name, the last counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.headers import MAX_NUMBER, by_name, due_of, number_of, replaced, text_of, value_of
from streams.message import Headers
from streams.moments import EARLIEST_MS, LATEST_MS

NAMES = st.sampled_from(["treadle_due", "treadle_attempt", "x", ""])
NUMBERS = st.integers(-(2**70), 2**70).map(lambda number: b"%d" % number)
VALUES = st.none() | st.binary(max_size=30) | NUMBERS | st.sampled_from([b"9" * 5_000, "²".encode()])
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=6)


@given(headers=HEADERS, name=NAMES)
def test_of_two_with_the_same_name_the_last_counts(headers: Headers, name: str) -> None:
    values = [value for each, value in headers if each == name]

    assert value_of(headers, name) == (values[-1] if values else None)
    assert by_name(headers).get(name) == value_of(headers, name)


@given(headers=HEADERS, name=NAMES)
def test_whatever_its_bytes_are_a_header_is_read(headers: Headers, name: str) -> None:
    due = due_of(headers)

    assert 0 <= number_of(headers, name) <= MAX_NUMBER
    assert due is None or EARLIEST_MS <= due <= LATEST_MS


@given(headers=HEADERS, new=st.dictionaries(NAMES, st.binary(max_size=5)))
def test_replacing_headers_changes_no_others(headers: Headers, new: dict[str, bytes]) -> None:
    result = replaced(headers, new)

    assert [each for each in result if each[0] not in new] == [each for each in headers if each[0] not in new]
    assert {name: value for name, value in result if name in new} == new
    assert sum(name in new for name, _ in result) == len(new)


@pytest.mark.parametrize(
    ("text", "number"),
    [(b"7", 7), (b"0", 0), (b"-1", 0), (b"two", 0), (None, 0), ("²".encode(), 0), (b"9" * 15, MAX_NUMBER)],
)
def test_a_number_that_cannot_be_read_counts_as_zero(text: bytes | None, number: int) -> None:
    assert number_of([("n", b"5"), ("n", text)], "n") == number


def test_a_text_shows_bytes_that_are_not_utf_8() -> None:
    assert text_of([("x", b"caf\xe9")], "x") == "caf\\xe9"
    assert text_of([], "x") == ""
