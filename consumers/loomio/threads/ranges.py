"""Some items of a thread, as ranges of sequence ids, and how Loomio's columns hold them.

`discussions.ranges_string` and `discussion_readers.read_ranges_string` hold "1-5,7-7"; "" means none.
"""

from collections.abc import Iterable

Ranges = list[tuple[int, int]]


def parse(text: str | None) -> Ranges:
    """The ranges in a column: none for NULL and ""."""
    pairs = (part.partition("-") for part in (text or "").split(",") if part)
    return reduce((int(first), int(last or first)) for first, _, last in pairs)


def text_of(ranges: Ranges) -> str:
    """Ranges as a column holds them."""
    return ",".join(f"{first}-{last}" for first, last in ranges)


def of_numbers(numbers: Iterable[int]) -> Ranges:
    """Sequence ids folded into ranges."""
    return reduce((number, number) for number in numbers)


def reduce(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """The same numbers in the fewest ranges, in order: overlapping and adjacent ones become one."""
    reduced: Ranges = []
    for first, last in sorted(ranges):
        if reduced and first <= reduced[-1][1] + 1:
            reduced[-1] = (reduced[-1][0], max(last, reduced[-1][1]))
        else:
            reduced.append((first, last))
    return reduced


def merge(one: Ranges, other: Ranges) -> Ranges:
    """The numbers in either."""
    return reduce([*one, *other])


def intersect(one: Ranges, other: Ranges) -> Ranges:
    """The numbers in both."""
    common: Ranges = []
    a, b = iter(reduce(one)), iter(reduce(other))
    left, right = next(a, None), next(b, None)
    while left and right:
        first, last = max(left[0], right[0]), min(left[1], right[1])
        if first <= last:
            common.append((first, last))
        if left[1] < right[1]:
            left = next(a, None)
        else:
            right = next(b, None)
    return reduce(common)
