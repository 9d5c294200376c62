"""What a worker may do with its context, and what is refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import pytest
from sqlalchemy import Connection

from consumers.context import Context, Services
from tests.support.builders.messages import NOW, Count, Greet, a_fact


class Pretended:
    """A transaction without a database."""

    @contextmanager
    def begin(self, ctx: Context) -> Iterator[Connection]:
        yield cast(Connection, None)


@pytest.fixture
def ctx() -> Context:
    return Context(job_id="id-1", kind="test.greet", attempt=1, now=NOW, services=Services(Pretended()))


def test_jobs_and_events_are_kept_in_order(ctx: Context) -> None:
    with ctx.transaction():
        ctx.enqueue(Greet("Ada"), Count(1))
        ctx.enqueue(Greet("Bob"))
        ctx.publish(a_fact())

    assert ctx.jobs == [Greet("Ada"), Count(1), Greet("Bob")]
    assert ctx.events == [a_fact()]


def test_a_worker_without_a_transaction_may_enqueue(ctx: Context) -> None:
    ctx.enqueue(Greet("Ada"))

    assert ctx.jobs == [Greet("Ada")]


def test_a_second_transaction_is_refused(ctx: Context) -> None:
    with ctx.transaction():
        pass

    with pytest.raises(RuntimeError, match=r"test.greet opens a second transaction"), ctx.transaction():
        pass


def test_a_transaction_within_the_transaction_is_refused(ctx: Context) -> None:
    with (
        ctx.transaction(),
        pytest.raises(RuntimeError, match="opens a second transaction"),
        ctx.transaction(),
    ):
        pass


@pytest.mark.parametrize("late", [lambda ctx: ctx.enqueue(Greet("Ada")), lambda ctx: ctx.publish(a_fact())])
def test_what_is_enqueued_or_published_after_the_transaction_is_refused(ctx: Context, late: object) -> None:
    with ctx.transaction():
        pass

    with pytest.raises(RuntimeError, match="enqueues after its transaction, where a crash would lose it"):
        late(ctx)  # type: ignore[operator]
