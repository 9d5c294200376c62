"""Ranges of sequence ids: what columns hold, and sets of numbers."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from consumers.loomio.threads import ranges

numbers = st.sets(st.integers(1, 60))


def numbers_in(found: ranges.Ranges) -> set[int]:
    return {number for first, last in found for number in range(first, last + 1)}


def test_neighbours_become_one_range() -> None:
    assert ranges.reduce([(3, 4), (1, 2)]) == [(1, 4)]


def test_columns_hold_pairs_with_commas_between() -> None:
    assert ranges.text_of([(1, 5), (7, 7)]) == "1-5,7-7"
    assert ranges.parse("1-5,7-7") == [(1, 5), (7, 7)]


def test_nothing_read_is_an_empty_text_or_null() -> None:
    assert ranges.parse("") == ranges.parse(None) == []
    assert ranges.text_of([]) == ""


@given(numbers)
def test_a_column_gives_back_what_was_put_in(some: set[int]) -> None:
    assert numbers_in(ranges.parse(ranges.text_of(ranges.of_numbers(some)))) == some


@given(numbers)
def test_ranges_are_in_order_and_never_touch(some: set[int]) -> None:
    found = ranges.of_numbers(some)

    assert all(first <= last for first, last in found)
    assert all(one[1] + 1 < next_one[0] for one, next_one in pairwise(found))


@given(numbers, numbers)
def test_merging_and_intersecting_are_those_of_sets(one: set[int], other: set[int]) -> None:
    a, b = ranges.of_numbers(one), ranges.of_numbers(other)

    assert ranges.merge(a, b) == ranges.of_numbers(one | other)
    assert ranges.intersect(a, b) == ranges.of_numbers(one & other)
