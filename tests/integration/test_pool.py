"""The pool of child processes: a job that kills its child is the only one to notice."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import Mock

import pytest

from consumers.attempt import Attempt
from consumers.outcome import NOTHING_FOLLOWS, Outcome, Retrying
from consumers.pool import WorkerPool
from tests.support.builders.messages import a_message
from tests.support.pool_jobs import cannot_start, performer
from tests.support.waiting import wait_until


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    pool = WorkerPool(performer(), performer, size=2)
    yield pool
    pool.close()


@contextmanager
def a_busy_interpreter() -> Iterator[None]:
    """Threads that take turns of many milliseconds from whoever waits for the children: races come to light."""
    stop = threading.Event()

    def spin() -> None:
        while not stop.is_set():
            pass

    spinning = [threading.Thread(target=spin) for _ in range(6)]
    for thread in spinning:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in spinning:
            thread.join()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Whatever was forked there ends with the test."""
    yield tmp_path
    for forked in tmp_path.glob("forked-*"):
        os.kill(int(forked.name.removeprefix("forked-")), signal.SIGKILL)


def perform(pool: WorkerPool, name: str, deaths: int = 0) -> Outcome | None:
    attempt: Attempt = performer().begin(a_message(b'{"name":"%s"}' % name.encode()))
    pool.run(attempt, deaths)
    return attempt.outcome


@pytest.mark.parametrize("deeds", [["kill"] * 12, ["greet", "kill", "greet", "greet"] * 8])
def test_every_job_is_begun_once_and_has_its_own_end_however_many_kill_their_children(
    pool: WorkerPool, tmp_path: Path, deeds: list[str]
) -> None:
    with ThreadPoolExecutor(20) as slots, a_busy_interpreter():
        outcomes = list(slots.map(lambda deed: perform(pool, f"{deed} {tmp_path}"), deeds))

    ends = {"greet": NOTHING_FOLLOWS, "kill": "the process that performed it ended with exit code -9"}
    assert [told(outcome) for outcome in outcomes] == [ends[deed] for deed in deeds]
    assert len(list(tmp_path.iterdir())) == len(deeds)


def told(outcome: Outcome | None) -> object:
    """What the error says, where there is one."""
    return outcome.failure.message if isinstance(outcome, Retrying) and outcome.failure else outcome


def test_children_at_work_end_with_the_pool_and_their_jobs_have_no_outcome(
    pool: WorkerPool, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(3) as slots:  # one more than there are children
        ending = [slots.submit(perform, pool, f"wait {tmp_path}") for _ in range(3)]
        wait_until(lambda: len(list(tmp_path.iterdir())) == 2, told="both children are at work")
        pool.close()
        outcomes = [each.result() for each in ending]

    assert outcomes == [None, None, None]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_child_is_waited_for_where_the_system_refuses_a_pidfd(
    pool: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "pidfd_open", Mock(side_effect=OSError("Function not implemented")))

    outcomes = [perform(pool, f"{deed} {tmp_path}") for deed in ("greet", "kill", "greet")]

    killed = "the process that performed it ended with exit code -9"
    assert [told(outcome) for outcome in outcomes] == [NOTHING_FOLLOWS, killed, NOTHING_FOLLOWS]


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="without it the end of such a child is not seen")
def test_a_child_that_forked_has_its_own_end_though_what_it_forked_lives_on(
    pool: WorkerPool, folder: Path
) -> None:
    with ThreadPoolExecutor(2) as slots:
        killed = slots.submit(perform, pool, f"fork-and-kill {folder}")
        assert told(killed.result(10)) == "the process that performed it ended with exit code -9"

        at_work = slots.submit(perform, pool, f"fork-and-wait {folder}")
        wait_until(lambda: len(list(folder.glob("tmp*"))) == 2, told="the second is at work")
        closing = slots.submit(pool.close)

        assert closing.result(10) is None
        assert at_work.result(10) is None


def test_children_that_cannot_start_are_no_fault_of_their_job() -> None:
    pool = WorkerPool(performer(), cannot_start, size=1)

    outcome = perform(pool, "greet /nowhere", deaths=2)

    assert isinstance(outcome, Retrying)
    assert outcome.failure is not None
    assert outcome.failure.error == "ChildProcessError"
    assert outcome.failure.message.endswith("ended at their start, with exit code 3")
