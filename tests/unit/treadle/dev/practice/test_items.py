"""The items of a practice thread are numbered as Loomio numbers them."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from treadle.dev.practice.items import (
    Item,
    counters,
    number,
    ranges,
)
from treadle.dev.practice.rows import PartitionSequence

NOON = datetime(2025, 12, 8, 12, tzinfo=UTC).replace(tzinfo=None)


def test_answers_are_positioned_under_what_they_answer() -> None:
    created, comment, answer, other = a_thread(0, 1, 0)

    number(created, [comment, answer, other], max_depth=2, gaps=frozenset())

    assert [item.position_key for item in (comment, answer, other)] == ["00001", "00001-00001", "00002"]
    assert [item.sequence_id for item in (comment, answer, other)] == [1, 2, 3]
    assert (created.child_count, created.descendant_count) == (2, 3)
    assert (comment.child_count, comment.descendant_count) == (1, 1)


def test_an_answer_to_an_item_at_the_depth_limit_becomes_its_sibling() -> None:
    created, comment, answer, deep = a_thread(0, 1, 2)

    number(created, [comment, answer, deep], max_depth=2, gaps=frozenset())

    assert deep.parent is comment
    assert (deep.depth, deep.position_key) == (2, "00001-00002")


def test_a_deleted_item_leaves_a_gap_in_the_sequence_and_none_among_the_positions() -> None:
    created, first, second = a_thread(0, 0)

    ordered = number(created, [first, second], max_depth=2, gaps=frozenset({2}))

    assert [(item.sequence_id, item.position) for item in ordered] == [(1, 1), (3, 2)]
    assert list(counters(created, ordered, 7)) == [
        PartitionSequence("events_position", created.id, 2),
        PartitionSequence("discussions_sequence_id", 7, 3),
    ]


@given(
    parents=st.lists(st.integers(min_value=0), max_size=30),
    max_depth=st.integers(1, 4),
    gaps=st.frozensets(st.integers(1, 40), max_size=5),
)
def test_every_thread_is_consistent(parents: list[int], max_depth: int, gaps: frozenset[int]) -> None:
    created, *items = a_thread(*(parent % index for index, parent in enumerate(parents, start=1)))

    ordered = number(created, items, max_depth=max_depth, gaps=gaps)

    keys = [item.position_key or "" for item in ordered]
    assert len(set(keys)) == len(keys)
    for item in ordered:
        assert item.parent is not None
        assert item.depth == item.parent.depth + 1 <= max_depth
        assert item.position_key == "-".join(filter(None, [item.parent.position_key, f"{item.position:05}"]))
        assert item.descendant_count == sum(key.startswith(f"{item.position_key}-") for key in keys)
        assert item.child_count == sum(other.parent is item for other in ordered)
    assert not gaps & {item.sequence_id for item in ordered}


@given(numbers=st.sets(st.integers(1, 60)))
def test_ranges_hold_exactly_the_numbers_and_never_touch(numbers: set[int]) -> None:
    pairs = [tuple(map(int, part.split("-"))) for part in ranges(sorted(numbers)).split(",") if part]

    assert {n for first, last in pairs for n in range(first, last + 1)} == numbers
    assert all(later[0] > earlier[1] + 1 for earlier, later in pairwise(pairs))


def a_thread(*parents: int) -> list[Item]:
    """A created event and one item for each of `parents`, the indexes in this list of what they answer."""
    items: list[Item] = []
    for index, parent in enumerate((None, *parents)):
        at = NOON + timedelta(minutes=index)
        under = None if parent is None else items[parent]
        items.append(Item(100 + index, "new_comment", ("Comment", index), 1, at, at, under))
    return items
