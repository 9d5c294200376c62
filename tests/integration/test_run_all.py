"""`treadle run all`: each process is a child of one, which restarts it when it dies, and ends it when it ends."""

from __future__ import annotations

import psutil

from streams.job import Queue
from tests.support.life import enqueue
from tests.support.line import Line
from tests.support.waiting import wait_until
from treadle.migrations.upgrade import migrate

NAMES = {"scheduler", "agents", "consumer", "retries", "dead-letters"}


def test_all_processes_run_one_that_dies_is_restarted_and_all_end_with_their_parent(
    shop: Line, fresh_database: str
) -> None:
    migrate(fresh_database)
    first = shop.start("all", fresh=True, DATABASE=fresh_database)
    enqueue(shop, ("say", {"word": "hello"}))
    wait_until(lambda: shop.out == ["hello"], within=60, what="a job is performed")
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0, what="and committed")
    children = running(first.pid)

    children["consumer"].kill()
    enqueue(shop, ("say", {"word": "again"}))
    wait_until(lambda: len(shop.out) > 1, within=60, what="another consumer has performed the next")
    again = running(first.pid)

    assert shop.end(first) == 0
    assert shop.out == ["hello", "again"]
    assert children.keys() == again.keys() == NAMES
    assert {name for name in NAMES if children[name] != again[name]} == {"consumer"}
    assert [each for each in again.values() if each.is_running()] == []


def running(pid: int) -> dict[str, psutil.Process]:
    """The children of this process, by the names of their commands."""
    children = {each: each.cmdline() for each in psutil.Process(pid).children()}
    return {command[command.index("run") + 1]: each for each, command in children.items()}
