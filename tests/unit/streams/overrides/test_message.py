"""Overrides of single jobs: what they mean for the copies of a job."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.headers import MOVED, due_of
from streams.message import Message
from streams.overrides.message import Override, Ruling, cancels, moved, released, ruling
from tests.support.builders.messages import NOW, a_message
from tests.unit.streams.received import as_received

CANCEL = Override("cancel", "o1", "ada", NOW, "a mistake")
MOVE = Override("move", "o2", "ada", NOW, stale=(900,))
CANCEL_MOVED = Override("cancel", "o3", "ada", NOW, stale=(900,))


@pytest.mark.parametrize("cancel", [CANCEL, CANCEL_MOVED])
def test_a_job_that_is_released_from_a_cancel_goes_on_until_it_is_cancelled_again(cancel: Override) -> None:
    waiting = a_message()
    message = Message(waiting.topic, waiting.key, waiting.value, waiting.headers)
    job = as_received(released(message, cancel))

    assert (ruling(cancel, job), cancels(cancel, job)) == (Ruling.GO_ON, False)
    again = replace(cancel, id="o9")
    assert (ruling(again, job), cancels(again, job)) == (Ruling.RETURN_NOW, True)


def test_a_job_without_an_override_is_released_as_it_is() -> None:
    message = Message("jobs.low", None, b"{}", [])

    assert released(message, None) is message


def test_a_copy_that_is_stale_stays_so_beside_one_that_is_released() -> None:
    assert ruling(CANCEL_MOVED, a_message(headers={"treadle_due": b"900"})) is Ruling.DROP


@pytest.mark.parametrize(
    ("override", "headers", "wanted"),
    [
        (None, {"treadle_due": b"900"}, Ruling.GO_ON),
        (CANCEL, {}, Ruling.RETURN_NOW),
        (MOVE, {"treadle_due": b"900"}, Ruling.DROP),
        (MOVE, {"treadle_due": b"901"}, Ruling.GO_ON),
        (MOVE, {}, Ruling.GO_ON),
        (MOVE, {"treadle_due": b"900", MOVED: b"o2"}, Ruling.GO_ON),
        (MOVE, {"treadle_due": b"900", MOVED: b"o1"}, Ruling.DROP),
        (CANCEL_MOVED, {"treadle_due": b"900"}, Ruling.DROP),
        (CANCEL_MOVED, {"treadle_due": b"700", MOVED: b"o2"}, Ruling.RETURN_NOW),
    ],
)
def test_what_an_override_means_for_a_job_in_a_tier(
    override: Override | None, headers: dict[str, bytes], wanted: Ruling
) -> None:
    assert ruling(override, a_message(headers=headers)) is wanted


def test_a_moved_copy_differs_only_in_its_due_moment_and_its_override() -> None:
    headers = {"treadle_due": b"900", "treadle_attempt": b"3", "treadle_queue": b"low", "x": b"\xff"}
    waiting = a_message(headers=headers)

    copy = moved(waiting, "jobs.low", MOVE, 700)

    assert (copy.topic, copy.key, copy.value, copy.due) == ("jobs.low", waiting.key, waiting.value, 700)
    changed = dict(copy.headers).items() - dict(waiting.headers).items()
    assert changed == {("treadle_due", b"700"), (MOVED, b"o2")}
    assert ruling(MOVE, as_received(copy)) is Ruling.GO_ON


def test_a_moved_copy_names_its_queue_though_what_waits_does_not() -> None:
    waiting = a_message(headers={"treadle_due": b"900"})

    copy = moved(waiting, "jobs.high", MOVE, 700)

    assert dict(copy.headers)["treadle_queue"] == b"high"


@given(st.lists(st.integers(1, 10**13), min_size=1, max_size=6, unique=True))
def test_however_often_a_job_is_moved_one_copy_counts(moments: list[int]) -> None:
    copies = [a_message(headers={"treadle_due": b"%d" % moments[0]})]
    override = None
    for number, due in enumerate(moments[1:]):
        stale = (*(override.stale if override else ()), due_of(copies[-1].headers) or 0)
        override = Override("move", f"o{number}", "ada", NOW, stale=stale)
        copies.append(as_received(moved(copies[-1], "jobs.low", override, due)))

    rulings = [ruling(override, copy) for copy in copies]

    assert rulings == [Ruling.DROP] * (len(copies) - 1) + [Ruling.GO_ON]
