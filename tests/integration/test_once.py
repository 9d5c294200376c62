"""Effects in the database happen once per job id, and what follows is never forgotten."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, select, text

from consumers.context import Context
from consumers.follow_ups import messages_of
from consumers.once import AlreadyDone, OnceTransactions, done
from streams.errors import Discard
from tests.support.builders.messages import NOW, Count, Greet, a_fact
from treadle.database import engine
from treadle.migrating import migrate


@pytest.fixture
def database(fresh_database: str) -> Iterator[Engine]:
    migrate(fresh_database)
    database = engine(fresh_database)
    with database.begin() as db:
        db.execute(text("CREATE TABLE effects (said text)"))
    yield database
    database.dispose()


def a_context(database: Engine, job_id: str = "id-1") -> Context:
    transactions = OnceTransactions(database)
    return Context(job_id=job_id, kind="test.greet", attempt=1, now=NOW, transactions=transactions)


def run(ctx: Context) -> None:
    """A worker that changes a row and has two jobs and an event follow."""
    with ctx.transaction() as db:
        db.execute(text("INSERT INTO effects VALUES ('hello')"))
        ctx.enqueue(Greet("Ada"), Count(1))
        ctx.publish(a_fact())


def effects(database: Engine) -> int:
    with database.connect() as db:
        return int(db.execute(text("SELECT count(*) FROM effects")).scalar_one())


def jobs_done(database: Engine) -> list[str]:
    with database.connect() as db:
        return list(db.execute(select(done.c.job_id)).scalars())


def test_a_second_run_changes_nothing_and_knows_what_followed(database: Engine) -> None:
    first = a_context(database)
    run(first)

    with pytest.raises(AlreadyDone) as second:
        run(a_context(database))

    assert second.value.follow_ups == messages_of(first)
    assert effects(database) == 1
    assert jobs_done(database) == ["id-1"]


def test_another_job_is_another_matter(database: Engine) -> None:
    run(a_context(database, "id-1"))
    run(a_context(database, "id-2"))

    assert effects(database) == 2


def test_a_job_without_follow_ups_is_done_all_the_same(database: Engine) -> None:
    with a_context(database).transaction():
        pass

    with pytest.raises(AlreadyDone) as second, a_context(database).transaction():
        pass

    assert second.value.follow_ups == ()


@pytest.mark.parametrize("error", [Discard("gone"), LookupError("no"), SystemExit(3)])
def test_a_run_that_fails_leaves_nothing_behind(database: Engine, error: BaseException) -> None:
    def fail() -> None:
        with a_context(database).transaction() as db:
            db.execute(text("INSERT INTO effects VALUES ('hello')"))
            raise error

    with pytest.raises(type(error)):
        fail()

    assert effects(database) == 0
    assert jobs_done(database) == []
    run(a_context(database))


def test_of_two_runs_at_the_same_time_one_waits_and_finds_the_other_done(database: Engine) -> None:
    inside, go_on = threading.Event(), threading.Event()
    outcomes: list[str] = []

    def slow() -> None:
        with a_context(database).transaction() as db:
            db.execute(text("INSERT INTO effects VALUES ('hello')"))
            inside.set()
            go_on.wait(10)

    def quick() -> None:
        try:
            run(a_context(database))
        except AlreadyDone:
            outcomes.append("already done")

    threads = [threading.Thread(target=slow), threading.Thread(target=quick)]
    threads[0].start()
    assert inside.wait(10)
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join(10)

    assert outcomes == ["already done"]
    assert effects(database) == 1
