"""The overrides that a process knows: the newest counts, and each is forgotten in time."""

import time

import pytest
from msgspec.structs import replace

from streams.overrides import table as module
from streams.overrides.message import Override, encode_override
from streams.overrides.table import Overrides
from tests.support.builders.messages import NOW

CANCEL = Override("cancel", "o1", "ada", NOW, "a mistake")
MOVE = Override("move", "o2", "ada", NOW, stale=(900,))
CANCEL_MOVED = Override("cancel", "o3", "ada", NOW, stale=(900,))


def overrides_of(*messages: tuple[str, Override | None]) -> Overrides:
    """What a process knows after these, each for a job; None withdraws the job's override."""
    overrides = Overrides()
    for job, override in messages:
        overrides.take(job.encode(), encode_override(job, override).value if override else None)
    return overrides


def test_the_newest_override_counts_until_it_is_forgotten() -> None:
    assert overrides_of(("a", CANCEL), ("a", MOVE)).of("a") == MOVE
    assert overrides_of(("a", CANCEL), ("a", None)).of("a") is None
    assert overrides_of(("a", CANCEL)).of("b") is None


def test_an_override_is_forgotten_a_minute_after_its_job_has_ended() -> None:
    overrides = overrides_of(("a", CANCEL))
    overrides.ended("a")

    assert overrides.expired() == []
    (message,) = overrides.expired(now=time.time() + 61)
    assert (message.topic, message.key, message.value) == ("treadle.overrides", b"a", None)


def test_an_override_of_a_job_with_a_copy_left_is_kept_until_that_has_left_its_tier() -> None:
    hour = 3_600
    stale = int(time.time() + 24 * hour) * 1000
    moved, cancelled = replace(MOVE, stale=(stale,)), replace(CANCEL, stale=(stale,))
    overrides = overrides_of(("moved", moved), ("cancelled", cancelled))
    overrides.ended("moved")
    overrides.ended("cancelled")

    assert overrides.expired(now=time.time() + 24 * hour) == []
    assert {m.key for m in overrides.expired(now=time.time() + 26 * hour)} == {b"cancelled", b"moved"}


def test_a_cancel_outlives_the_moves_that_were_made_before_it() -> None:
    moved_by, cancelled_by = replace(MOVE, stale=(900,)), CANCEL_MOVED
    overrides = overrides_of(
        ("a", moved_by), ("a", cancelled_by), ("b", moved_by), ("b", None), ("b", CANCEL)
    )

    assert overrides.expired() == []  # both copies were due long ago
    assert (overrides.of("a"), overrides.of("b")) == (cancelled_by, CANCEL)

    overrides.ended("a")
    assert [message.key for message in overrides.expired(now=time.time() + 61)] == [b"a"]


def test_what_cannot_be_read_changes_nothing() -> None:
    overrides = overrides_of(("a", CANCEL))

    overrides.take(b"a", b"rubbish")
    overrides.take(None, b"\xff")

    assert overrides.of("a") == CANCEL


def test_a_process_keeps_no_more_than_it_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_OVERRIDES", 2)

    overrides = overrides_of(("a", CANCEL), ("b", CANCEL), ("a", MOVE), ("c", CANCEL))

    assert [overrides.of(job) for job in "abc"] == [MOVE, None, CANCEL]
    assert len(overrides) == 2
