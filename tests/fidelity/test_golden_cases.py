"""What Loomio did in one case after another, and what we do: the same rows, the same jobs."""

from datetime import datetime
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from streams.job import Job
from tests.fidelity.conftest import Copy, engine_of
from tests.fidelity.golden_cases import GOLDEN, case_of, differences, job_of
from tests.support.performing import perform, succeed
from treadle.testing import enqueued

# Loomio stops at an item whose eventable is gone and leaves the thread worse than before; ours continues.
# See test_repairing_threads.py.
DIFFERENT_ON_PURPOSE = {"w27_eventable_gone"}
CASES = sorted(
    {path.stem for path in (GOLDEN / "cases").glob("[gw]*.json") if not path.stem.startswith("w01_")}
    - DIFFERENT_ON_PURPOSE
)
PUBLISHED = sorted(path.stem for path in (GOLDEN / "cases").glob("w01_*.json"))


@pytest.mark.parametrize("name", CASES)
def test_we_do_what_loomio_did(name: str, copy_of: Copy) -> None:
    case, url = case_of(name), copy_of("golden")
    loomio = prepared(case, url)

    followed: list[Job] = []
    for _ in range(2 if case.get("note") == "run two times in a row" else 1):
        followed += enqueued(perform(job_of(case), loomio, now=datetime.fromisoformat(case["now"])))

    assert differences(case, url, followed) == []


@pytest.mark.parametrize("name", PUBLISHED)
def test_publishing_an_event_leaves_the_readers_that_loomio_left(name: str, copy_of: Copy) -> None:
    case, url = case_of(name), copy_of("golden")
    loomio = prepared(case, url)

    succeed(job_of(case), loomio, now=datetime.fromisoformat(case["now"]))

    # Everything else that Loomio does in this job is left to the agents that hear the event.
    assert differences(case, url, None, only={"discussion_readers", "discussions"}) == []


def prepared(case: dict[str, Any], url: str) -> Engine:
    """The case's database, as it was before Loomio ran."""
    with psycopg.connect(url) as db:
        for statement in case.get("setup", []):
            db.execute(statement.encode())
    return engine_of(url)
