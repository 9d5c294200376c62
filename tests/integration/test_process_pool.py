"""The pool of child processes: a job that kills its child affects no other job."""

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

from consumers.attempt.begun import Begun
from consumers.attempt.outcome import NOTHING_FOLLOWS, Outcome, Retrying
from consumers.executors.process_pool import ProcessPool
from tests.support.builders.messages import a_message
from tests.support.pool_jobs import cannot_start, performer
from tests.support.waiting import wait_until


@pytest.fixture
def pool() -> Iterator[ProcessPool]:
    pool = ProcessPool(performer(), performer, size=2)
    yield pool
    pool.close()


@contextmanager
def a_busy_interpreter() -> Iterator[None]:
    """Threads that delay whoever waits for the children by many milliseconds, so that races show."""
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
    """Processes forked there end with the test."""
    yield tmp_path
    for forked in tmp_path.glob("forked-*"):
        os.kill(int(forked.name.removeprefix("forked-")), signal.SIGKILL)


def perform(pool: ProcessPool, name: str, deaths: int = 0) -> Outcome | None:
    attempt = performer().begin(a_message(b'{"name":"%s"}' % name.encode()))
    assert isinstance(attempt, Begun)
    return pool.perform(attempt, deaths)


@pytest.mark.parametrize("actions", [["kill"] * 12, ["greet", "kill", "greet", "greet"] * 8])
def test_every_job_is_begun_once_and_has_its_own_outcome_however_many_kill_their_children(
    pool: ProcessPool, tmp_path: Path, actions: list[str]
) -> None:
    with ThreadPoolExecutor(20) as slots, a_busy_interpreter():
        outcomes = list(slots.map(lambda action: perform(pool, f"{action} {tmp_path}"), actions))

    expected = {"greet": NOTHING_FOLLOWS, "kill": "the process that performed it ended with exit code -9"}
    assert [reason(outcome) for outcome in outcomes] == [expected[action] for action in actions]
    assert len(list(tmp_path.iterdir())) == len(actions)


def reason(outcome: Outcome | None) -> object:
    """What the error says, if there is one."""
    return outcome.failure.message if isinstance(outcome, Retrying) and outcome.failure else outcome


def test_busy_children_end_with_the_pool_and_their_jobs_have_no_outcome(
    pool: ProcessPool, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(3) as slots:  # one more than there are children
        ending = [slots.submit(perform, pool, f"wait {tmp_path}") for _ in range(3)]
        wait_until(lambda: len(list(tmp_path.iterdir())) == 2, what="both children are busy")
        pool.close()
        outcomes = [each.result() for each in ending]

    assert outcomes == [None, None, None]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_child_is_waited_for_where_the_system_refuses_a_pidfd(
    pool: ProcessPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "pidfd_open", Mock(side_effect=OSError("Function not implemented")))

    outcomes = [perform(pool, f"{action} {tmp_path}") for action in ("greet", "kill", "greet")]

    killed = "the process that performed it ended with exit code -9"
    assert [reason(outcome) for outcome in outcomes] == [NOTHING_FOLLOWS, killed, NOTHING_FOLLOWS]


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="without it the end of such a child is not seen")
def test_the_end_of_a_child_is_seen_though_a_process_that_it_forked_lives_on(
    pool: ProcessPool, folder: Path
) -> None:
    with ThreadPoolExecutor(2) as slots:
        killed = slots.submit(perform, pool, f"fork-and-kill {folder}")
        assert reason(killed.result(10)) == "the process that performed it ended with exit code -9"

        busy = slots.submit(perform, pool, f"fork-and-wait {folder}")
        wait_until(lambda: len(list(folder.glob("tmp*"))) == 2, what="the second is busy")
        closing = slots.submit(pool.close)

        assert closing.result(10) is None
        assert busy.result(10) is None


def test_children_that_cannot_start_do_not_count_against_their_job() -> None:
    pool = ProcessPool(performer(), cannot_start, size=1)

    outcome = perform(pool, "greet /nowhere", deaths=2)

    assert isinstance(outcome, Retrying)
    assert outcome.failure is not None
    assert outcome.failure.error == "ChildProcessError"
    assert outcome.failure.message.endswith("ended at once, with exit code 3")
