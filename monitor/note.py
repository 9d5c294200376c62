"""Who did something, and why: part of every action by a person."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """`by` is a name; `why` may be empty."""

    by: str
    why: str = ""
