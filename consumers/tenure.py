"""Who had a partition before us, and how it left: told from owner to owner in the metadata of the commits. Pure.

A job may take its whole process down, and the next, and the next. A death alone does not say who it was: hundreds
were at work. So each owner notes that it is at work, and takes the note back when it leaves in order. Whoever finds
the note knows of a death, and counts. After two deaths in one stretch of offsets the jobs in it are suspects: they are
performed in child processes, where a crash is an outcome and names its job.
"""

from __future__ import annotations

import re
from typing import NamedTuple

SUSPICIOUS = 2
"""So many deaths make suspects; the next is that of a child."""
REACH = 5_000
"""Offsets after the last that is known of an owner, in which it may have had jobs at work: a prefetch, and more."""
ROOM = 32
"""Characters of a commit's metadata that are kept free for the note."""

_NOTE = re.compile(r"(\d{1,3}):(?:(\d{1,19})([:.]))?", re.ASCII)


class Tenure(NamedTuple):
    """An owner's time: so many before it died in a row, at jobs below the offset `until`. `left`: it left in order."""

    deaths: int = 0
    until: int = 0
    left: bool = False

    def deaths_at(self, offset: int) -> int:
        """How many owners may have died of the job at this offset."""
        return self.deaths if offset < self.until else 0

    def note(self) -> str:
        """What stands before the map in a commit: nothing when it left in order, and no suspects."""
        if not self.deaths:
            return "" if self.left else "0:"
        return f"{min(self.deaths, 999)}:{self.until}{'.' if self.left else ':'}"

    def at(self, mark: int) -> Tenure:
        """The tenure once all below `mark` is finished: beyond `until` a death is another story."""
        return self if mark < self.until or not self.deaths else Tenure(left=self.left)


def split(metadata: str | None) -> tuple[Tenure | None, str]:
    """The note of the owner before, or None when it left in order and no suspects, and the map behind it."""
    text = metadata or ""
    found = _NOTE.match(text)
    if found is None:
        return None, text
    return Tenure(int(found[1]), int(found[2] or 0), found[3] == "."), text[found.end() :]


def take_over(before: Tenure | None, mark: int, known_to: int, end: int | None) -> Tenure:
    """The tenure of an owner that finds this note of the one before it.

    `mark` is what is committed, `known_to` the end of its map, `end` that of the partition, if it is known: nobody was
    at work beyond it.
    """
    if before is None:
        return Tenure()
    if mark < before.until:
        return Tenure(before.deaths + (0 if before.left else 1), before.until)
    if before.left:
        return Tenure()
    reach = max(mark, known_to) + REACH
    return Tenure(1, reach if end is None else min(reach, end))
