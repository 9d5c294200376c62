"""A tick: a schedule fired, at one due time."""

from datetime import datetime

import msgspec


class Tick(msgspec.Struct, frozen=True):
    """`schedule` fired for the moments in (`since`, `due_at`]. Ticks tile time: no gap, no overlap."""

    schedule: str
    due_at: datetime
    since: datetime

    @property
    def id(self) -> str:
        """The same tick has the same id, however often it is sent."""
        return f"{self.schedule}@{self.due_at.isoformat()}"
