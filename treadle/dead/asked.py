"""What a person asks for: which dead letters, who it is, and why. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from streams.audit import Place


@dataclass(frozen=True)
class Chosen:
    """All conditions hold together; one that is empty holds for every letter.

    `kinds` are names as they stand in the letters. `text` occurs in the arguments, or (in any case) in what
    the error said. `places` and `jobs` name letters one by one. `state` is dead, sent, deleted, or empty for all.
    `before` keeps to letters that lay there when it was taken: what dies meanwhile is not chosen.
    """

    kinds: tuple[str, ...] = ()
    queue: str = ""
    error: str = ""
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""
    places: tuple[Place, ...] = ()
    jobs: tuple[str, ...] = ()
    state: str = "dead"
    before: tuple[Place, ...] | None = None


@dataclass(frozen=True)
class Note:
    """Who does it, and why: goes into the audit."""

    by: str
    why: str = ""
