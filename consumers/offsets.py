"""Which offsets of a partition are finished, and up to where a commit may go. Knows no Kafka.

Jobs finish out of order; a commit says that everything below it is finished. So the commit stays at the
first unfinished offset, however much above it is done.
"""

from collections import deque
from collections.abc import Iterable


class OffsetTracker:
    """The offsets of one partition while it is assigned to this process.

    One thread admits and asks for the committable offset; any thread may start and finish jobs. No lock
    is needed: each method that is called from several threads is one operation on a set, which is
    atomic in CPython.
    """

    def __init__(self, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.revoked = False
        self.running: set[int] = set()
        self._waiting: deque[int] = deque()
        self._finished: set[int] = set()
        self._committable: int | None = None
        self._committed: int | None = None

    def admit(self, offsets: Iterable[int]) -> None:
        """Take note of offsets that came in; they rise, and may leave gaps."""
        self._waiting.extend(offsets)

    def start(self, offset: int) -> None:
        """Someone works on this offset from now on."""
        self.running.add(offset)

    def finish(self, offset: int) -> None:
        """Everything this offset led to is in Kafka; it never needs to be performed again."""
        self._finished.add(offset)
        self.running.discard(offset)

    def committable(self) -> int | None:
        """The offset to commit (the first unfinished one), or None when the last commit said as much."""
        waiting, finished = self._waiting, self._finished
        while waiting and waiting[0] in finished:
            offset = waiting.popleft()
            finished.remove(offset)
            self._committable = offset + 1
        return self._committable if self._committable != self._committed else None

    def committed(self, offset: int) -> None:
        """Kafka has taken this commit."""
        self._committed = offset

    @property
    def unfinished(self) -> int:
        """How many admitted offsets are not finished."""
        return len(self._waiting) - len(self._finished)
