"""The seam between who hands over messages and who performs them.

An intake puts parcels where they are performed, and hears of each by `parcel.start()` and `parcel.finish()`.
How it gets them, and what it does to remember what is finished, is its own business: beyond it nobody knows of
groups or commits. Kafka's classic consumer stands behind it today (`kafka_intake.py`); a share group could.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from streams.job import Queue


@dataclass(frozen=True)
class Traits:
    """What an intake can do, as plain facts.

    `more_while_unfinished`: whether it hands over more while some are unfinished. `held_for`: how long one may
    be at work before it is handed to somebody else; None: as long as its process lives. `keeps_order`: whether
    messages of one key come in the order in which they were sent.
    """

    more_while_unfinished: bool
    held_for: timedelta | None
    keeps_order: bool


class Intake(Protocol):
    """Feeds the performers with the jobs of one queue."""

    queue: Queue
    traits: Traits

    def start(self) -> None:
        """Begin to hand over."""

    def quiet(self) -> None:
        """Hand over nothing more, and go on remembering what is finished."""

    def close(self) -> None:
        """Remember what is finished by now, and leave. Returns when that is done."""

    @property
    def ready(self) -> bool:
        """Whether it has been told what is its to hand over."""

    @property
    def running(self) -> int:
        """How many of its parcels are started and not finished."""
