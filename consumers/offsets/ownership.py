"""How a partition's previous owners left: a note passed from owner to owner in the metadata of commits. Pure.

A job may crash its whole process, and the next, and the next. A death alone does not reveal which job it was:
hundreds were in flight. So each owner's commits carry a note, which it removes when it leaves cleanly. An owner that
finds the note counts one death. After two deaths in one stretch of offsets the jobs in it are suspects: they are
performed in child processes, where a crash is an outcome and names its job.
"""

from __future__ import annotations

import re
from typing import NamedTuple

SUSPICIOUS = 2
"""This many deaths make suspects; the next crash is that of a child process."""
REACH = 5_000
"""How far beyond an owner's last known offset it may have had jobs in flight, in offsets: a prefetch, and more."""
ROOM = 32
"""Characters of a commit's metadata that are reserved for the note."""

_NOTE = re.compile(r"(\d{1,3}):(?:(\d{1,19})([:.]))?", re.ASCII)


class Ownership(NamedTuple):
    """One owner's time. Before it `deaths` owners in a row died, at jobs below `until`. `clean`: it left cleanly."""

    deaths: int = 0
    until: int = 0
    clean: bool = False

    def deaths_at(self, offset: int) -> int:
        """How many owners may have died of the job at this offset."""
        return self.deaths if offset < self.until else 0

    def note(self) -> str:
        """The text before the map in a commit: empty when the owner left cleanly and there are no suspects."""
        if not self.deaths:
            return "" if self.clean else "0:"
        return f"{min(self.deaths, 999)}:{self.until}{'.' if self.clean else ':'}"

    def at(self, mark: int) -> Ownership:
        """The same, once everything below `mark` is complete: beyond `until` the count starts again."""
        return self if mark < self.until or not self.deaths else Ownership(clean=self.clean)


def split(metadata: str) -> tuple[Ownership | None, str]:
    """The previous owner's note, or None when it left cleanly with no suspects, and the map behind it."""
    found = _NOTE.match(metadata)
    if found is None:
        return None, metadata
    return Ownership(int(found[1]), int(found[2] or 0), found[3] == "."), metadata[found.end() :]


def take_over(before: Ownership | None, mark: int, known_to: int, end: int | None) -> Ownership:
    """The ownership of the next owner, which finds this note.

    `mark` is the committed offset, `known_to` the end of its map, and `end` that of the partition, if it is known:
    nothing was in flight beyond that.
    """
    if before is None:
        return Ownership()
    if mark < before.until:
        return Ownership(before.deaths + (0 if before.clean else 1), before.until)
    if before.clean:
        return Ownership()
    reach = max(mark, known_to) + REACH
    return Ownership(1, reach if end is None else min(reach, end))
