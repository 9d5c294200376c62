"""The order of a thread's items: their nesting, positions and counts."""

from hypothesis import given
from hypothesis import strategies as st

from consumers.loomio.threads.order import Nesting, Position, descendant_counts, nest, number

CREATED = 100
TOP = {CREATED: Nesting(None, 0)}

trees = st.lists(st.integers(-1, 20), max_size=20).map(
    # Item n belongs to an earlier or later item, to itself, or (-1) to the thread's created event.
    lambda parents: {item: CREATED if parent < 0 else parent for item, parent in enumerate(parents)}
)


def test_a_reply_is_nested_under_its_comment() -> None:
    assert nest([1, 2], {1: CREATED, 2: 1}, TOP, max_depth=3) == {1: Nesting(CREATED, 1), 2: Nesting(1, 2)}


def test_a_reply_too_deep_becomes_a_sibling() -> None:
    natural = {1: CREATED, 2: 1, 3: 2}

    assert nest([1, 2, 3], natural, TOP, max_depth=2)[3] == Nesting(1, 2)


def test_an_item_that_belongs_to_nothing_stands_alone() -> None:
    assert nest([1], {}, TOP, max_depth=2) == {1: Nesting(None, 0)}


def test_a_parent_with_a_higher_number_is_nested_first() -> None:
    natural = {1: 2, 2: CREATED}

    assert nest([1, 2], natural, TOP, max_depth=3) == {1: Nesting(2, 2), 2: Nesting(CREATED, 1)}


def test_a_parent_may_be_in_another_thread() -> None:
    outside = TOP | {50: Nesting(49, 1), 49: Nesting(None, 0)}

    assert nest([1], {1: 50}, outside, max_depth=2) == {1: Nesting(50, 2)}
    assert nest([1], {1: 50}, outside, max_depth=1) == {1: Nesting(49, 1)}


def test_children_are_numbered_under_the_key_of_their_parent() -> None:
    children = [(CREATED, 1), (1, 2), (CREATED, 3), (1, 4)]

    assert number(children, {CREATED: 0, 1: 1}, {CREATED: None}) == {
        1: Position(1, "00001"),
        2: Position(1, "00001-00001"),
        3: Position(2, "00002"),
        4: Position(2, "00001-00002"),
    }


def test_descendants_are_counted_by_key_and_those_without_key_count_all_that_have_one() -> None:
    keys = {1: "00001", 2: "00001-00001", 3: "00002", 4: None}

    assert descendant_counts(keys) == {1: 1, 2: 0, 3: 0, 4: 3}


@given(trees, st.integers(1, 5))
def test_no_item_is_lost_and_none_is_deeper_than_allowed(natural: dict[int, int], max_depth: int) -> None:
    nested = nest(natural.keys(), natural, TOP, max_depth)

    assert nested.keys() == natural.keys()
    for at in nested.values():
        above = (TOP | nested)[at.parent_id].depth + 1 if at.parent_id is not None else 0
        assert at.depth == above
        assert at.depth <= max_depth


@given(trees, st.integers(1, 5))
def test_keys_differ_among_siblings_and_begin_with_the_key_of_the_parent(
    natural: dict[int, int], max_depth: int
) -> None:
    nested = nest(natural.keys(), natural, TOP, max_depth)
    children = [(at.parent_id, item) for item, at in sorted(nested.items()) if at.parent_id is not None]

    positions = number(children, {item: at.depth for item, at in (TOP | nested).items()}, {})

    under = [(nested[item].parent_id, position.key) for item, position in positions.items()]
    assert len(set(under)) == len(positions)
    for item, position in positions.items():
        parent = positions.get(nested[item].parent_id or 0, Position())
        assert position.key is not None
        assert position.key.startswith(f"{parent.key}-" if parent.key else "0")


@given(trees)
def test_descendants_are_those_below_in_the_tree(natural: dict[int, int]) -> None:
    nested = nest(natural.keys(), natural, TOP, max_depth=9)
    shown = {item: at for item, at in nested.items() if at.depth > 0 and root(nested, item) == CREATED}
    children = [(at.parent_id or 0, item) for item, at in sorted(shown.items())]
    positions = number(children, {item: at.depth for item, at in (TOP | shown).items()}, {})

    counts = descendant_counts({item: position.key for item, position in positions.items()})

    assert counts == {item: sum(item in above(nested, other) for other in shown) for item in shown}


def above(nested: dict[int, Nesting], item: int) -> list[int]:
    found, at = [], nested[item].parent_id
    while at is not None:
        found.append(at)
        at = nested[at].parent_id if at in nested else None
    return found


def root(nested: dict[int, Nesting], item: int) -> int:
    return [item, *above(nested, item)][-1]
