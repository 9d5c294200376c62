"""Effects in the database happen once per job id, however often the job is run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Column, Connection, DateTime, Engine, LargeBinary, MetaData, Table, Text, func
from sqlalchemy.dialects.postgresql import insert

from consumers.attempt.follow_ups import follow_ups_of, pack, unpack
from consumers.context import Context
from streams.errors import ConfigError, Verdict
from streams.message import Message

done = Table(
    "done",
    MetaData(schema="treadle"),
    Column("job_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("done_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("follow_ups", LargeBinary, nullable=False, server_default=""),
)


class AlreadyDone(Verdict):
    """An earlier run of this job has committed; its follow-ups are sent again. Raised for the worker, not by it."""

    def __init__(self, follow_ups: tuple[Message, ...]) -> None:
        super().__init__("already done")
        self.follow_ups = follow_ups


class OnceTransactions:
    """Transactions that record the job's id, and its follow-ups, in `treadle.done`.

    A process may die between the commit and Kafka's acknowledgement of the follow-ups. Then the job
    runs again, finds its row here, and sends the recorded follow-ups: nothing is done twice, and no
    follow-up is lost. Of two runs at the same time, the second waits for the first's row.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def begin(self, ctx: Context) -> Iterator[Connection]:
        """Open the transaction. Raises AlreadyDone when an earlier run has committed."""
        with self._engine.begin() as db:
            claim = insert(done).values(job_id=ctx.job_id, kind=ctx.kind).on_conflict_do_nothing()
            if db.scalar(claim.returning(done.c.job_id)) is None:  # SQLAlchemy does not count inserted rows
                kept = db.execute(done.select().where(done.c.job_id == ctx.job_id)).one()
                raise AlreadyDone(unpack(kept.follow_ups) if kept.follow_ups else ())
            yield db
            if follow_ups := follow_ups_of(ctx):
                record = done.update().where(done.c.job_id == ctx.job_id)
                db.execute(record.values(follow_ups=pack(follow_ups)))


class NoDatabase:
    """Used where no database is set: workers that need none are performed all the same."""

    @contextmanager
    def begin(self, ctx: Context) -> Iterator[Connection]:
        """Raises ConfigError."""
        raise ConfigError(f"{ctx.kind} needs Loomio's database: set TREADLE_DATABASE")
        yield
