"""The items of a thread: their order, their position in the tree, and their event rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from treadle.dev.practice.rows import Event, PartitionSequence


@dataclass(eq=False)
class Item:
    """One event, before and after it has its position.

    `parent` is its natural parent until `number` sets the one it is positioned under. `added_at` is when it became an
    item of the thread, which for votes on a poll with hidden results is when the poll closed.
    """

    id: int
    kind: str
    eventable: tuple[str, int]
    user_id: int | None
    at: datetime
    added_at: datetime
    parent: Item | None = None
    version_id: int | None = None
    custom_fields: str = "{}"
    sequence_id: int | None = None
    depth: int = 0
    position: int = 0
    position_key: str | None = None
    child_count: int = 0
    descendant_count: int = 0

    def row(self, discussion_id: int | None) -> Event:
        """The row; `discussion_id` is None for an event outside any thread."""
        return Event(
            id=self.id,
            kind=self.kind,
            eventable_type=self.eventable[0],
            eventable_id=self.eventable[1],
            eventable_version_id=self.version_id,
            user_id=self.user_id,
            discussion_id=discussion_id,
            sequence_id=self.sequence_id,
            parent_id=self.parent.id if self.parent else None,
            depth=self.depth,
            position=self.position,
            position_key=self.position_key,
            child_count=self.child_count,
            descendant_count=self.descendant_count,
            pinned=self.kind == "poll_created",
            custom_fields=self.custom_fields,
            created_at=self.at,
            updated_at=self.at,
        )


def number(created: Item, items: Iterable[Item], *, max_depth: int, gaps: frozenset[int]) -> list[Item]:
    """Order the items and give each its position under `created`, as Loomio numbers a thread.

    A reply to an item at `max_depth` becomes its sibling. Sequence numbers in `gaps` are left out, as
    after a deletion. Natural parents must be added to the thread before their children.
    """
    ordered = sorted(items, key=lambda item: (item.added_at, item.id))
    sequence = 0
    for item in ordered:
        sequence += 1
        while sequence in gaps:
            sequence += 1
        item.sequence_id = sequence
        if item.parent is not None and item.parent.depth == max_depth:
            item.parent = item.parent.parent
        if item.parent is not None:
            _attach(item, item.parent)
    created.descendant_count = len(ordered)
    return ordered


def _attach(item: Item, parent: Item) -> None:
    parent.child_count += 1
    item.position = parent.child_count
    item.depth = parent.depth + 1
    own = f"{item.position:05}"
    item.position_key = f"{parent.position_key}-{own}" if parent.position_key else own
    ancestor: Item | None = parent
    while ancestor is not None:
        ancestor.descendant_count += 1
        ancestor = ancestor.parent


def counters(created: Item, ordered: Iterable[Item], discussion_id: int) -> Iterator[PartitionSequence]:
    """The present values of the thread's sequence and of the positions under each parent."""
    last = 0
    for item in ordered:
        last = item.sequence_id or last
        if item.child_count:
            yield PartitionSequence("events_position", item.id, item.child_count)
    if created.child_count:
        yield PartitionSequence("events_position", created.id, created.child_count)
    if last:
        yield PartitionSequence("discussions_sequence_id", discussion_id, last)


def ranges(numbers: Iterable[int]) -> str:
    """Ascending numbers folded into closed ranges: 1, 2, 3, 7 are "1-3,7-7"."""
    folded: list[list[int]] = []
    for number in numbers:
        if folded and folded[-1][1] == number - 1:
            folded[-1][1] = number
        else:
            folded.append([number, number])
    return ",".join(f"{first}-{last}" for first, last in folded)
