"""The only source of randomness of a practice co-op, so that a seed determines everything."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from treadle.dev.practice.rows import Row

T = TypeVar("T")


class Chance:
    """Random choices, tokens and moments, and the ids of new rows; the same seed gives the same ones."""

    def __init__(self, seed: int, now: datetime) -> None:
        self.now = now
        self._random = random.Random(seed)
        self._ids: Counter[type[Row]] = Counter()
        self.one_of = self._random.choice
        self.some = self._random.sample
        self.number = self._random.randint

    def id(self, row: type[Row]) -> int:
        """The next id of this table."""
        self._ids[row] += 1
        return self._ids[row]

    def happens(self, probability: float) -> bool:
        return self._random.random() < probability

    def weighted(self, choices: Sequence[T], weights: Sequence[int]) -> T:
        return self._random.choices(choices, weights)[0]

    def token(self) -> str:
        """24 characters, as many as Rails' has_secure_token gives."""
        return f"{self._random.getrandbits(96):024x}"

    def uuid(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def key(self) -> str:
        """Eight characters for a web address, as in Loomio."""
        return "".join(self._random.choices("abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=8))

    def between(self, start: datetime, end: datetime) -> datetime:
        """A moment in [start, end], to the microsecond; `start` when `end` is earlier."""
        length = max(end - start, timedelta(0))
        return start + length * self._random.random()

    def lasting(self, least: timedelta, most: timedelta) -> timedelta:
        return least + (most - least) * self._random.random()

    def ago(self, most: timedelta, least: timedelta = timedelta(0)) -> datetime:
        return self.between(self.now - most, self.now - least)
