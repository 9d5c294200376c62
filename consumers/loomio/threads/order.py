"""How the items of a thread are ordered: parents, depth, positions, counts. Pure: these are the rules alone."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple


class Nesting(NamedTuple):
    """An item's parent and depth in the thread. Without a parent its depth is 0."""

    parent_id: int | None
    depth: int


class Position(NamedTuple):
    """The number of an item among its siblings, from 1, and the key that sorts the whole thread.

    An item without a parent has 0 and no key.
    """

    number: int = 0
    key: str | None = None


def nest(
    items: Collection[int],
    natural: Mapping[int, int],
    outside: Mapping[int, Nesting],
    max_depth: int,
) -> dict[int, Nesting]:
    """Give each item its parent: the natural one, or that one's parent when the thread may go no deeper.

    `natural` says what an item belongs to; an item that is missing there belongs to nothing. `outside` has the
    nesting of events that are parents but not items of the thread: its created event, and events of other
    threads. Parents are nested before their children, whatever the order of the numbers.
    """
    nested = dict(outside)
    for item in _parents_first(items, natural):
        parent = natural.get(item)
        if parent in nested and nested[parent].depth == max_depth:
            parent = nested[parent].parent_id
        above = None if parent is None else nested.get(parent)
        nested[item] = Nesting(None, 0) if above is None else Nesting(parent, above.depth + 1)
    return {item: nested[item] for item in items}


def number(
    children: Iterable[tuple[int, int]], depths: Mapping[int, int], keys: Mapping[int, str | None]
) -> dict[int, Position]:
    """Number the children of each parent.

    `children` are pairs (parent, child) in order of sequence; `depths` has the depth of every parent, `keys` the
    keys of parents that are not numbered here. A child's key begins with its parent's, if that has one.
    """
    families = defaultdict(list)
    for parent, child in children:
        families[parent].append(child)
    known = dict(keys)
    positions: dict[int, Position] = {}
    for parent in sorted(families, key=lambda parent: (depths[parent], parent)):
        prefix = f"{known[parent]}-" if known.get(parent) else ""
        for position, child in enumerate(families[parent], start=1):
            positions[child] = Position(position, f"{prefix}{position:05}")
            known[child] = positions[child].key
    return positions


def descendant_counts(keys: Mapping[int, str | None]) -> dict[int, int]:
    """How many other items have a key that begins with an item's own.

    Loomio counts by the text of the keys alone, so that an item without a key counts all that have one.
    """
    ordered = sorted(key for key in keys.values() if key is not None)
    counts = {}
    for item, key in keys.items():
        # Keys are digits and dashes: "~" sorts after everything that may follow the prefix.
        first, last = bisect_left(ordered, key or ""), bisect_left(ordered, f"{key or ''}~")
        counts[item] = last - first - (key is not None)
    return counts


def _parents_first(items: Collection[int], natural: Mapping[int, int]) -> list[int]:
    """The items, each after its natural parent. A cycle is cut."""
    inside, seen, order = set(items), set[int](), list[int]()
    for item in items:
        chain: list[int] = []
        at: int | None = item
        while at is not None and at in inside and at not in seen:
            seen.add(at)
            chain.append(at)
            at = natural.get(at)
        order.extend(reversed(chain))
    return order
