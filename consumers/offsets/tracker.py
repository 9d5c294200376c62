"""Which offsets of a partition are complete, and what a commit may say. Knows nothing of Kafka clients.

Jobs finish out of order; a commit says that everything below it is complete. So the commit stays at the first
incomplete offset, and its metadata carries the map of what is complete above it (`encoding.py`).
"""

from __future__ import annotations

from collections import deque

from consumers.offsets import encoding, ownership
from consumers.offsets.commit import Commit, Committed
from consumers.offsets.encoding import OffsetMap
from consumers.offsets.ownership import Ownership
from streams.errors import TreadleError


class OffsetTracker:
    """The offsets of one partition while this process owns it.

    One thread (the fetcher's) admits, and asks for commits; any thread may start and finish jobs. No lock is
    needed: what several threads call is one operation on a set, which is atomic in CPython.
    """

    def __init__(self, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.revoked = False
        self.truncated = False
        """Whether it was truncated before `begin`: what was known of its offsets concerned jobs that are gone."""
        self.in_flight: set[int] = set()
        self._commit_soon = False
        self._went_back_to: int | None = None  # the offset, lower than the last, at which it was truncated
        self._ownership: Ownership | None = None  # set when commits carry a note
        self._finished: set[int] = set()
        self._arrived: deque[int] = deque()  # admitted since the last `_look`, ascending
        self._incomplete: list[int] = []  # as of the last `_look`, ascending
        self._known_to = 0  # all finished offsets seen by `_look` are below
        self._next: int | None = None  # the offset after the last admitted one
        self._earlier: OffsetMap | None = None
        self._text = ""  # of the committed map
        self._committed: Commit | None = None
        self._successor: OffsetTracker | None = None
        self._before: Ownership | None = None

    def begin(
        self, committed: Committed, before: OffsetTracker | None = None, end: int | None = None
    ) -> None:
        """Own the partition from now on, starting from what was committed.

        `before` is the tracker of this process's earlier ownership: what is still in flight from then is not started
        again, and is finished here when it is finished there. If it or the map knows of offsets beyond the `end` of
        the partition (where that is known), the partition was truncated and neither is trusted.
        """
        if committed.offset is not None:
            self._before, self._text = committed.note, committed.map
            self._earlier = encoding.decode(committed.offset, committed.map)
        reached = max(self._earlier.known_to if self._earlier else 0, before._next or 0 if before else 0)
        if end is not None and end < reached:
            self._earlier, self._text, self.truncated = None, "", True
        if committed.offset is not None:
            self._known_to = self._earlier.known_to if self._earlier else 0
            self._committed = Commit(committed.offset, committed.metadata)
        if before is not None and not self.truncated:
            before._successor = self  # in this order: from here on, what finishes is passed on to us
            self.in_flight |= before.in_flight
            self._finished |= {
                offset for offset in set(before._finished) if offset >= (committed.offset or 0)
            }

    def take_over(self, end: int | None) -> None:
        """Count the previous owner's death, if it died, and have commits carry a note. `end`: of the partition."""
        mark = self._committed.offset if self._committed else 0
        self._ownership = ownership.take_over(self._before, mark, self._known_to, end)

    def leave(self) -> None:
        """Have commits say from now on that this owner leaves cleanly."""
        if self._ownership is not None:
            self._ownership = self._ownership._replace(clean=True)

    def revoke(self) -> None:
        """Start nothing more: the partition belongs to another process."""
        self.revoked = True

    @property
    def deaths(self) -> int:
        """How many owners in a row have died here."""
        return self._ownership.deaths if self._ownership else 0

    @property
    def suspects_below(self) -> int:
        """The jobs that they may have died of are below this offset."""
        return self._ownership.until if self._ownership else 0

    def deaths_at(self, offset: int) -> int:
        """How many owners may have died of the job at this offset."""
        return self._ownership.deaths_at(offset) if self._ownership else 0

    def admit(self, offset: int) -> bool:
        """Record an offset that was fetched. Returns whether its job is to be performed.

        It is not when an earlier owner finished it, or when it is still in flight here from before a rebalance.
        Raises TreadleError when offsets go back: what is known of them concerns other jobs.
        """
        if self._next is not None and offset < self._next:
            self._went_back_to = offset
            back = f"offset {offset} arrived after {self._next - 1}"
            raise TreadleError(f"{self.topic}/{self.partition} was truncated: {back}. Restart this process")
        self._arrived.append(offset)
        self._next = offset + 1
        if self._earlier is not None:
            if self._earlier.is_finished(offset):
                self._finished.add(offset)
                return False
            if offset >= self._earlier.known_to:
                self._earlier = None
        return offset not in self.in_flight and offset not in self._finished

    def start(self, offset: int) -> bool:
        """Mark this offset as in flight. False when the partition was taken away."""
        self.in_flight.add(offset)
        # In this order: `revoked` is set first, and `in_flight` is read afterwards.
        if self.revoked:
            self.in_flight.discard(offset)
            return False
        return True

    def finish(self, offset: int, *, commit_soon: bool = False) -> None:
        """Everything this offset led to is in Kafka; it never needs to be performed again.

        `commit_soon`: it led to messages, and performed again would send them a second time.
        """
        self._finished.add(offset)
        self.in_flight.discard(offset)
        if commit_soon:
            self._commit_soon = True
        if self._successor is not None:
            self._successor.finish(offset, commit_soon=commit_soon)

    @property
    def commit_soon(self) -> bool:
        """Whether something has finished that should be committed soon."""
        return self._commit_soon

    def commit_asked(self) -> None:
        """Note that a commit is about to be made. Whatever finishes from now on is left to the next."""
        self._commit_soon = False

    def commit(self) -> Commit | None:
        """What to commit now, or None when the last commit said the same."""
        due = self.state()
        return due if due != self._committed else None

    def state(self) -> Commit | None:
        """What a commit would say now; None when nothing is known of the partition."""
        self._look()
        mark, text = self._known()
        if mark is None:
            return None
        if self._went_back_to is not None:
            mark, text = min(mark, self._went_back_to), ""
        if self._ownership is None:
            return Commit(mark, text)
        self._ownership = self._ownership.at(mark)
        return Commit(mark, self._ownership.note() + text)

    def committed(self, commit: Commit) -> None:
        """Record that Kafka has accepted this commit."""
        self._committed = commit

    @property
    def went_back(self) -> bool:
        """Whether offsets went back during this ownership: the partition was truncated."""
        return self._went_back_to is not None

    @property
    def has_room(self) -> bool:
        """Whether more may be admitted: whatever finishes then, the map still fits into a commit."""
        if self._next is None or not self._incomplete:
            return True
        stretch = self._next - self._incomplete[0]
        return stretch <= encoding.SAFE_STRETCH or self.incomplete <= encoding.SAFE_COUNT

    @property
    def incomplete(self) -> int:
        """How many admitted offsets are not finished."""
        return len(self._incomplete) + len(self._arrived) - len(self._finished)

    def _known(self) -> tuple[int | None, str]:
        """The first incomplete offset, and the map above it."""
        if self._next is None:
            if self._committed is None:
                return None, ""
            return self._committed.offset, self._text
        incomplete, known_to = [*self._incomplete, *self._left_open], self._known_to
        end = self._next if self._earlier is None else max(self._next, self._earlier.known_to)
        first = incomplete[0] if incomplete else end
        below = [offset for offset in incomplete if offset < known_to]
        return first, self._map(first, below) if below else ""

    def _map(self, first: int, incomplete: list[int]) -> str:
        try:
            return encoding.encode(first, self._known_to, incomplete)
        except ValueError:
            # One fetch may bring more than `has_room` foresaw. What the map leaves out is performed again.
            end = first + encoding.SAFE_STRETCH
            return encoding.encode(first, end, [offset for offset in incomplete if offset < end])

    @property
    def _left_open(self) -> list[int]:
        """What the earlier owner's map has as incomplete and has not been fetched again so far, ascending."""
        if self._earlier is None or self._next is None:
            return []
        return sorted(offset for offset in self._earlier.incomplete if offset >= self._next)

    def _look(self) -> None:
        """Bring `_incomplete` up to date with what has arrived and what has finished."""
        finished = self._finished
        still = []
        for offset in self._incomplete:
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
        self._incomplete = still

    def _forget(self, offset: int) -> None:
        self._finished.remove(offset)
        if offset >= self._known_to:
            self._known_to = offset + 1
