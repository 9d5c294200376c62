"""The map in a commit's metadata: small, read whole or not at all, and never over Kafka's limit."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.offsets import encoding
from consumers.offsets.encoding import OffsetMap


def test_nothing_finished_above_the_commit_needs_no_map() -> None:
    assert encoding.encode(5, 5, []) == ""
    assert encoding.decode(5, "") is None


@given(
    committed=st.integers(0, 2**40),
    above=st.sets(st.integers(1, 20_000), max_size=400),
    beyond=st.integers(1, 1000),
)
def test_what_is_encoded_is_decoded(committed: int, above: set[int], beyond: int) -> None:
    incomplete = [committed, *sorted(committed + offset for offset in above)]
    known_to = incomplete[-1] + beyond

    text = encoding.encode(committed, known_to, incomplete)

    assert encoding.decode(committed, text) == OffsetMap(known_to, frozenset(incomplete))


@given(st.text(), st.integers(0, 2**40))
def test_foreign_metadata_is_not_a_map(text: str, committed: int) -> None:
    assert encoding.decode(committed, text) is None


@given(at=st.integers(0, 200), bit=st.integers(0, 7))
def test_a_damaged_map_is_not_a_map(at: int, bit: int) -> None:
    raw = bytearray(base64.b64decode(encoding.encode(100, 2000, [100, *range(150, 1900, 7)])))
    raw[at % len(raw)] ^= 1 << bit

    assert encoding.decode(100, base64.b64encode(raw).decode()) is None


def test_a_map_belongs_to_its_commit_alone() -> None:
    text = encoding.encode(100, 200, [100, 150])

    assert encoding.decode(101, text) is None


def test_the_shorter_encoding_is_taken() -> None:
    far_apart = encoding.encode(0, 1_000_000, [0, 500_000])
    every_second = encoding.encode(0, 16_000, list(range(0, 16_000, 2)))

    assert len(far_apart) < 30
    assert len(every_second) < 16_000 / 8 * 4 / 3 + 30


@pytest.mark.parametrize(
    ("stretch", "incomplete"),
    [
        (encoding.SAFE_STRETCH, list(range(encoding.SAFE_STRETCH))),
        (encoding.SAFE_STRETCH, list(range(0, encoding.SAFE_STRETCH, 2))),
        (2**34, [0, *(2**34 - 2**24 * number for number in range(encoding.SAFE_COUNT - 1, 0, -1))]),
    ],
)
def test_what_admission_allows_always_fits(stretch: int, incomplete: list[int]) -> None:
    assert len(encoding.encode(0, stretch, incomplete)) <= encoding.LIMIT


def test_what_does_not_fit_is_refused_rather_than_cut() -> None:
    with pytest.raises(ValueError, match=r"has .* characters"):
        encoding.encode(0, 100_000, list(range(0, 100_000, 3)))
