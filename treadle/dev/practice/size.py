"""How large a practice co-op is."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Size:
    """How many of each. Polls are counted over the whole database, the rest per organisation.

    `members` belong to the organisation's top group; each subgroup has about half of them. An ordinary poll has one
    stance for each member who joined its group in time, so there are about 0.6 * members * polls stances. One in twelve
    of the `open` polls has no closing time yet. `comments` is the average per discussion.
    """

    organisations: int = 1
    subgroups: int = 0
    members: int = 8
    discussions: int = 3
    comments: int = 5
    direct_discussions: int = 0
    open: int = 9
    closing_soon: int = 2
    lapsed: int = 2
    closed: int = 9

    def __post_init__(self) -> None:
        least = {"organisations": 1, "members": 3, "discussions": 1}
        for name, value in vars(self).items():
            if value < least.get(name, 0):
                raise ValueError(f"{name} is {value}; it must be at least {least.get(name, 0)}")

    def with_lapsed(self, lapsed: int) -> Size:
        """The same size with another number of lapsed polls."""
        return replace(self, lapsed=lapsed)


SIZES = {
    "tiny": Size(),
    "small": Size(
        organisations=4,
        subgroups=2,
        members=24,
        discussions=14,
        comments=8,
        direct_discussions=1,
        open=36,
        closing_soon=12,
        lapsed=60,
        closed=45,
    ),
    # About a hundred thousand stances.
    "medium": Size(
        organisations=20,
        subgroups=3,
        members=80,
        discussions=60,
        comments=10,
        direct_discussions=2,
        open=450,
        closing_soon=100,
        lapsed=400,
        closed=900,
    ),
    # About a million stances.
    "large": Size(
        organisations=60,
        subgroups=4,
        members=200,
        discussions=80,
        comments=10,
        direct_discussions=2,
        open=1_500,
        closing_soon=400,
        lapsed=2_000,
        closed=5_300,
    ),
}
