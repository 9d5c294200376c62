"""Sides take turns, and one that cannot be measured does not stop the others."""

from bench.alternating import NotMeasured, alternate


def test_sides_take_turns() -> None:
    order: list[str] = []

    def side(name: str) -> float:
        order.append(name)
        return float(len(order))

    taken = alternate({"ours": lambda _: side("ours"), "theirs": lambda _: side("theirs")}, runs=3)

    assert order == ["ours", "theirs"] * 3
    assert taken.of("theirs", lambda value: value) == [2, 4, 6]


def test_a_side_that_cannot_be_measured_is_named_and_the_others_continue() -> None:
    def missing(_: int) -> float:
        raise NotMeasured("is not installed: apt-get install it")

    taken = alternate({"ours": float, "theirs": missing}, runs=3)

    assert taken.results == {"ours": [0, 1, 2], "theirs": []}
    assert taken.note == "theirs: is not installed: apt-get install it"


def test_no_turn_begins_when_it_is_late() -> None:
    runs: list[int] = []

    taken = alternate({"ours": runs.append}, runs=3, is_late=lambda: len(runs) == 2)

    assert runs == [0, 1]
    assert not taken.missing


def test_a_side_that_had_no_turn_is_named() -> None:
    taken = alternate({"ours": float}, runs=3, is_late=lambda: True)

    assert taken.note == "ours: out of time"
