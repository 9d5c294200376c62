"""Which dead letters a person asks for. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from streams.wire.audit import Position


@dataclass(frozen=True)
class Selection:
    """All conditions hold together; an empty one holds for every dead letter.

    `kinds` are names as the dead letters have them. `text` occurs in the arguments, or (in any case) in the error's
    message. `positions` and `jobs` (ids) name dead letters one by one. `state` is dead, sent, deleted, or empty for
    all. `before` (partition and end offset) leaves out whatever was added after it was taken.
    """

    kinds: tuple[str, ...] = ()
    queue: str = ""
    error: str = ""
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""
    positions: tuple[Position, ...] = ()
    jobs: tuple[str, ...] = ()
    state: str = "dead"
    before: tuple[Position, ...] | None = None
