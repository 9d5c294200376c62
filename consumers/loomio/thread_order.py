"""How the items of a thread are ordered: parents, depth, positions, counts. Pure: the rules, no database."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple


class Place(NamedTuple):
    """Where an item hangs. Without a parent its depth is 0."""

    parent_id: int | None
    depth: int


class Position(NamedTuple):
    """The number of an item among its siblings, from 1, and the key that sorts the whole thread.

    An item without a parent has 0 and no key.
    """

    number: int = 0
    key: str | None = None


def place(
    items: Collection[int],
    natural: Mapping[int, int],
    outside: Mapping[int, Place],
    max_depth: int,
) -> dict[int, Place]:
    """Give each item its parent: the natural one, or that one's parent when the thread may go no deeper.

    `natural` says to what an item belongs; an item that is missing there belongs to nothing. `outside`
    holds the places of events that are parents but no items of the thread: its created event, and events
    of other threads. Parents are placed before their children, whatever the order of the numbers.
    """
    placed = dict(outside)
    for item in _parents_first(items, natural):
        parent = natural.get(item)
        if parent in placed and placed[parent].depth == max_depth:
            parent = placed[parent].parent_id
        above = None if parent is None else placed.get(parent)
        placed[item] = Place(None, 0) if above is None else Place(parent, above.depth + 1)
    return {item: placed[item] for item in items}


def number(
    children: Iterable[tuple[int, int]], depths: Mapping[int, int], keys: Mapping[int, str | None]
) -> dict[int, Position]:
    """Number the children of each parent.

    `children` are pairs (parent, child) in order of sequence; `depths` is of every parent, `keys` holds the
    keys of the parents that are not numbered here. A child's key begins with its parent's, if that has one.
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
        # Keys are digits and dashes: "~" sorts behind all that may follow the prefix.
        first, last = bisect_left(ordered, key or ""), bisect_left(ordered, f"{key or ''}~")
        counts[item] = last - first - (key is not None)
    return counts


def _parents_first(items: Collection[int], natural: Mapping[int, int]) -> list[int]:
    """The items, each behind its natural parent. Where they go round in a circle, that is cut."""
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
