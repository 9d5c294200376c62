"""Effects in the database happen once per job id, and follow-ups are never lost."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, select, text

from consumers.attempt.transactions import done
from consumers.context import Context
from consumers.worker import Perform, Workers
from streams.errors import Discard
from tests.support.builders.messages import NOW, Count, Greet, a_fact
from treadle import testing
from treadle.database import engine
from treadle.migrations.upgrade import migrate
from treadle.testing import Discarded, Outcome, Succeeded, enqueued, failure_in, published

HELLO = text("INSERT INTO effects VALUES ('hello')")


@pytest.fixture
def database(fresh_database: str) -> Iterator[Engine]:
    migrate(fresh_database)
    database = engine(fresh_database)
    with database.begin() as db:
        db.execute(text("CREATE TABLE effects (said text)"))
    yield database
    database.dispose()


def greet(job: Greet, ctx: Context) -> None:
    """Changes a row; two jobs and an event follow."""
    with ctx.transaction() as db:
        db.execute(HELLO)
        ctx.enqueue(Greet("Ada"), Count(1))
        ctx.publish(a_fact())


def run(database: Engine, job_id: str = "id-1", worker: Perform[Greet] = greet) -> Outcome:
    workers = Workers()
    workers.worker(Greet)(worker)
    return testing.perform(Greet("Ada"), database, now=NOW, job_id=job_id, workers=workers)


def effects(database: Engine) -> int:
    with database.connect() as db:
        return int(db.execute(text("SELECT count(*) FROM effects")).scalar_one())


def jobs_done(database: Engine) -> list[str]:
    with database.connect() as db:
        return list(db.execute(select(done.c.job_id)).scalars())


def test_a_second_run_changes_nothing_and_has_the_same_follow_ups(database: Engine) -> None:
    first = run(database)

    second = run(database)

    assert second == first
    assert enqueued(second) == [Greet("Ada"), Count(1)]
    assert published(second) == [a_fact()]
    assert effects(database) == 1
    assert jobs_done(database) == ["id-1"]


def test_another_job_is_performed_on_its_own(database: Engine) -> None:
    run(database, "id-1")
    run(database, "id-2")

    assert effects(database) == 2


def test_a_job_without_follow_ups_also_takes_effect_once(database: Engine) -> None:
    def quiet(job: Greet, ctx: Context) -> None:
        with ctx.transaction() as db:
            db.execute(HELLO)

    outcomes = [run(database, worker=quiet), run(database, worker=quiet)]

    assert outcomes == [Succeeded(), Succeeded()]
    assert effects(database) == 1


@pytest.mark.parametrize("error", [Discard("gone"), LookupError("no"), SystemExit(3)])
def test_a_run_that_fails_leaves_nothing_behind(database: Engine, error: BaseException) -> None:
    def fail(job: Greet, ctx: Context) -> None:
        with ctx.transaction() as db:
            db.execute(HELLO)
            raise error

    outcome = run(database, worker=fail)

    assert outcome == Discarded("gone") or failure_in(outcome).error == type(error).__name__
    assert effects(database) == 0
    assert jobs_done(database) == []
    assert enqueued(run(database)) == [Greet("Ada"), Count(1)]


def test_of_two_runs_at_the_same_time_one_waits_and_finds_the_other_done(database: Engine) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def slow(job: Greet, ctx: Context) -> None:
        with ctx.transaction() as db:
            db.execute(HELLO)
            ctx.enqueue(Count(2))
            inside.set()
            go_on.wait(10)

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(run, database, worker=slow)
        assert inside.wait(10)
        second = threads.submit(run, database)
        go_on.set()

    assert enqueued(first.result()) == [Count(2)]
    assert second.result() == first.result()
    assert effects(database) == 1
