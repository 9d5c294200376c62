"""Which offsets of a partition are finished, and what a commit may say. Knows no Kafka.

Jobs finish out of order; a commit says that everything below it is finished. So the commit stays at the first
unfinished offset, and its metadata carries the map of what is finished above it (`offset_map.py`).
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from consumers import offset_map, tenure
from consumers.offset_map import OffsetMap
from consumers.tenure import Tenure
from streams.errors import TreadleError


class Commit(NamedTuple):
    """What to tell Kafka: the first unfinished offset, and the map of what is unfinished above it."""

    offset: int
    metadata: str


class OffsetTracker:
    """The offsets of one partition while this process has it.

    One thread (the intake's) admits, and asks for commits; any thread may start and finish jobs. No lock is
    needed: what several threads call is one operation on a set, which is atomic in CPython.
    """

    def __init__(self, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.revoked = False
        self.hurry = False
        """Whether something finished that is better committed soon: set and cleared by others."""
        self.lost_its_end = False
        """Whether what was known of it was of jobs that Kafka has lost: others have their offsets now."""
        self.came_again: int | None = None
        """An offset below what had been admitted: the same, while the partition is ours."""
        self.tenure: Tenure | None = None
        """Set while a note is to stand in the commits that somebody is at work here."""
        self.running: set[int] = set()
        self._finished: set[int] = set()
        self._arrived: deque[int] = deque()  # admitted since the last look, rising
        self._unfinished: list[int] = []  # as of the last look, rising
        self._known_to = 0  # every finished offset that was looked at lies below
        self._next: int | None = None  # what follows the last admitted offset
        self._earlier: OffsetMap | None = None
        self._text = ""  # of the map, as it stands in the commit
        self._committed: Commit | None = None
        self._successor: OffsetTracker | None = None
        self._before: Tenure | None = None

    def begin(
        self,
        committed: int | None,
        metadata: str | None,
        before: OffsetTracker | None = None,
        end: int | None = None,
    ) -> None:
        """The partition is ours, committed so far (None: never).

        `before` is the tracker of an earlier time in which this process had the partition: what is still at
        work from then is not started again, and counts as finished when it is. Neither it nor the map is believed when
        it knows of offsets beyond the `end` of the partition, where that is known.
        """
        if committed is not None:
            self._before, self._text = tenure.split(metadata)
            self._earlier = offset_map.decode(committed, self._text)
        reached = max(self._earlier.known_to if self._earlier else 0, before._next or 0 if before else 0)
        if end is not None and end < reached:
            self._earlier, self._text, self.lost_its_end = None, "", True
        if committed is not None:
            self._known_to = self._earlier.known_to if self._earlier else 0
            self._committed = Commit(committed, metadata or "")
        if before is not None and not self.lost_its_end:
            before._successor = self  # in this order: from here on what finishes is told to us, too
            self.running |= before.running
            self._finished |= {offset for offset in set(before._finished) if offset >= (committed or 0)}

    def take_over(self, end: int | None) -> None:
        """Count whether the owner before us died, and note that we are at work. `end`: of the partition, if known."""
        mark = self._committed.offset if self._committed else 0
        self.tenure = tenure.take_over(self._before, mark, self._known_to, end)

    def admit(self, offset: int) -> bool:
        """Take note of an offset that came in; whether its job is to be performed.

        It is not when an earlier owner finished it, or when it runs here already, from before a rebalance. Raises
        TreadleError when offsets go back: what is known of them is known of other jobs.
        """
        if self._next is not None and offset < self._next:
            self.came_again = offset
            back = f"after offset {self._next - 1} came {offset}"
            raise TreadleError(f"{self.topic}/{self.partition} lost its end: {back}. Start this process anew")
        self._arrived.append(offset)
        self._next = offset + 1
        if self._earlier is not None:
            if self._earlier.is_finished(offset):
                self._finished.add(offset)
                return False
            if offset >= self._earlier.known_to:
                self._earlier = None
        return offset not in self.running and offset not in self._finished

    def start(self, offset: int) -> bool:
        """Someone works on this offset from now on; False when the partition was taken away."""
        self.running.add(offset)
        # In this order: whoever revokes sets the mark first and looks at `running` then.
        if self.revoked:
            self.running.discard(offset)
            return False
        return True

    def finish(self, offset: int) -> None:
        """Everything this offset led to is in Kafka; it never needs to be performed again."""
        self._finished.add(offset)
        self.running.discard(offset)
        if self._successor is not None:
            self._successor.finish(offset)

    def commit(self) -> Commit | None:
        """What to commit now, or None when the last commit said the same."""
        due = self.state()
        return due if due != self._committed else None

    def state(self) -> Commit | None:
        """What a commit says now; None when nothing is known of the partition."""
        self._look()
        mark, text = self._known()
        if mark is None:
            return None
        if self.came_again is not None:
            mark, text = min(mark, self.came_again), ""
        if self.tenure is None:
            return Commit(mark, text)
        self.tenure = self.tenure.at(mark)
        return Commit(mark, self.tenure.note() + text)

    def _known(self) -> tuple[int | None, str]:
        """The first unfinished offset, and the map above it."""
        if self._next is None:
            if self._committed is None:
                return None, ""
            return self._committed.offset, self._text
        unfinished, known_to = [*self._unfinished, *self._left_open], self._known_to
        end = self._next if self._earlier is None else max(self._next, self._earlier.known_to)
        first = unfinished[0] if unfinished else end
        below = [offset for offset in unfinished if offset < known_to]
        return first, self._map(first, below) if below else ""

    def _map(self, first: int, unfinished: list[int]) -> str:
        try:
            return offset_map.encode(first, self._known_to, unfinished)
        except ValueError:
            # One fetch may bring more than admission foresaw. What the map leaves out is performed again.
            end = first + offset_map.SAFE_STRETCH
            return offset_map.encode(first, end, [offset for offset in unfinished if offset < end])

    def committed(self, commit: Commit) -> None:
        """Kafka has taken this commit."""
        self._committed = commit

    @property
    def has_room(self) -> bool:
        """Whether more may be admitted: the map of whatever finishes then still fits into a commit."""
        if self._next is None or not self._unfinished:
            return True
        stretch = self._next - self._unfinished[0]
        return stretch <= offset_map.SAFE_STRETCH or self.unfinished <= offset_map.SAFE_COUNT

    @property
    def unfinished(self) -> int:
        """How many admitted offsets are not finished."""
        return len(self._unfinished) + len(self._arrived) - len(self._finished)

    @property
    def _left_open(self) -> list[int]:
        """What the earlier owner's map has as unfinished, and did not come in again so far; rising."""
        if self._earlier is None or self._next is None:
            return []
        return sorted(offset for offset in self._earlier.unfinished if offset >= self._next)

    def _look(self) -> None:
        """Sort what has arrived and finished into what is unfinished."""
        finished = self._finished
        still = []
        for offset in self._unfinished:
            if offset in finished:
                self._forget(offset)
            else:
                still.append(offset)
        while self._arrived:
            offset = self._arrived.popleft()
            if offset in finished:
                self._forget(offset)
            else:
                still.append(offset)
        self._unfinished = still

    def _forget(self, offset: int) -> None:
        self._finished.remove(offset)
        if offset >= self._known_to:
            self._known_to = offset + 1
