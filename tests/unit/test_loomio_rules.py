"""Small rules of Loomio's that need no database."""

import pytest

from consumers.loomio.people import avatar_initials
from consumers.loomio.receipts import quorum_reached


@pytest.mark.parametrize(
    ("name", "email", "deactivated", "initials"),
    [
        ("Ann", "ann@x.test", False, "A"),
        ("ann bee cee dee", "ann@x.test", False, "ABC"),
        ("Émile Zola", "e@x.test", False, "Z"),
        (None, "bob@x.test", False, "BO"),
        ("bob@x.test", "bob@x.test", False, "BO"),
        (None, None, False, ""),
        ("Ann", "ann@x.test", True, "DU"),
    ],
)
def test_initials(name: str | None, email: str | None, deactivated: bool, initials: str) -> None:
    assert avatar_initials(name, email, deactivated=deactivated) == initials


@pytest.mark.parametrize(
    ("quorum_pct", "voters", "reached"),
    [(None, 4, False), (0, 4, True), (50, 4, True), (100, 4, True), (101, 4, False), (101, 0, True)],
)
def test_any_quorum_up_to_a_hundred_counts_as_reached(
    quorum_pct: int | None, voters: int, reached: bool
) -> None:
    assert quorum_reached(quorum_pct, voters) is reached
