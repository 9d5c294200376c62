"""An event is a fact that Loomio recorded: a row of its `events`, as it travels on `loomio.events`."""

from datetime import datetime
from typing import Any

import msgspec


class Event(msgspec.Struct, frozen=True):
    """One row of `events`, with the group, discussion and poll it belongs to.

    `discussion_id` is the thread of the eventable, even when the event is not an item of it.
    """

    id: int
    kind: str
    eventable_type: str
    eventable_id: int
    created_at: datetime
    user_id: int | None = None
    group_id: int | None = None
    discussion_id: int | None = None
    poll_id: int | None = None
    custom_fields: dict[str, Any] = {}

    @property
    def key(self) -> str:
        """The ordering key: events of one thread stay in order, else those of one poll, else of one group."""
        if self.discussion_id is not None:
            return f"discussion:{self.discussion_id}"
        if self.poll_id is not None:
            return f"poll:{self.poll_id}"
        if self.group_id is not None:
            return f"group:{self.group_id}"
        return f"{self.eventable_type.lower()}:{self.eventable_id}"
