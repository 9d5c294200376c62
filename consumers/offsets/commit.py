"""What a commit says: the values that go to Kafka and reach the next owner. Knows nothing of Kafka clients."""

from __future__ import annotations

from typing import NamedTuple

from consumers.offsets.ownership import Ownership, split


class Commit(NamedTuple):
    """What to commit: the first incomplete offset, and as metadata the note of ownership and the map above it."""

    offset: int
    metadata: str


class Committed(NamedTuple):
    """What an earlier owner committed: `offset` (None: nothing yet), and its metadata, split into `note` and `map`."""

    offset: int | None
    metadata: str
    note: Ownership | None
    map: str

    @classmethod
    def read(cls, offset: int | None, metadata: str | None) -> Committed:
        """From what Kafka stores. Foreign or damaged metadata becomes a map that cannot be decoded."""
        note, text = split(metadata or "")
        return cls(offset, metadata or "", note, text)

    @property
    def owner_died(self) -> bool:
        """Whether the previous owner did not leave cleanly."""
        return self.note is not None and not self.note.clean


NOTHING_COMMITTED = Committed(None, "", None, "")
