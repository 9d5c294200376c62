"""When a poll has reached its quorum, by Loomio's rule."""

import pytest

from consumers.loomio.polls.receipts import quorum_reached


@pytest.mark.parametrize(
    ("quorum_pct", "voters", "reached"),
    [(None, 4, False), (0, 4, True), (50, 4, True), (100, 4, True), (101, 4, False), (101, 0, True)],
)
def test_any_quorum_up_to_a_hundred_counts_as_reached(
    quorum_pct: int | None, voters: int, reached: bool
) -> None:
    assert quorum_reached(quorum_pct, voters) is reached
