"""The map in a commit's metadata: small, whole or nothing, and never over Kafka's limit."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers import offset_map
from consumers.offset_map import OffsetMap


def test_nothing_finished_above_the_commit_needs_no_map() -> None:
    assert offset_map.encode(5, 5, []) == ""
    assert offset_map.decode(5, "") is None


@given(
    committed=st.integers(0, 2**40),
    above=st.sets(st.integers(1, 20_000), max_size=400),
    beyond=st.integers(1, 1000),
)
def test_what_is_encoded_is_decoded(committed: int, above: set[int], beyond: int) -> None:
    unfinished = [committed, *sorted(committed + offset for offset in above)]
    known_to = unfinished[-1] + beyond

    text = offset_map.encode(committed, known_to, unfinished)

    assert offset_map.decode(committed, text) == OffsetMap(known_to, frozenset(unfinished))


@given(st.text(), st.integers(0, 2**40))
def test_foreign_metadata_is_no_map(text: str, committed: int) -> None:
    assert offset_map.decode(committed, text) is None


@given(place=st.integers(0, 200), bit=st.integers(0, 7))
def test_a_damaged_map_is_no_map(place: int, bit: int) -> None:
    raw = bytearray(base64.b64decode(offset_map.encode(100, 2000, [100, *range(150, 1900, 7)])))
    raw[place % len(raw)] ^= 1 << bit

    assert offset_map.decode(100, base64.b64encode(raw).decode()) is None


def test_a_map_belongs_to_its_commit_alone() -> None:
    text = offset_map.encode(100, 200, [100, 150])

    assert offset_map.decode(101, text) is None


def test_the_shorter_encoding_is_taken() -> None:
    far_apart = offset_map.encode(0, 1_000_000, [0, 500_000])
    every_second = offset_map.encode(0, 16_000, list(range(0, 16_000, 2)))

    assert len(far_apart) < 30
    assert len(every_second) < 16_000 / 8 * 4 / 3 + 30


@pytest.mark.parametrize(
    ("stretch", "unfinished"),
    [
        (offset_map.SAFE_STRETCH, list(range(offset_map.SAFE_STRETCH))),
        (offset_map.SAFE_STRETCH, list(range(0, offset_map.SAFE_STRETCH, 2))),
        (2**34, [0, *(2**34 - 2**24 * number for number in range(offset_map.SAFE_COUNT - 1, 0, -1))]),
    ],
)
def test_what_admission_allows_always_fits(stretch: int, unfinished: list[int]) -> None:
    assert len(offset_map.encode(0, stretch, unfinished)) <= offset_map.LIMIT


def test_what_does_not_fit_is_refused_rather_than_cut() -> None:
    with pytest.raises(ValueError, match=r"has .* characters"):
        offset_map.encode(0, 100_000, list(range(0, 100_000, 3)))
