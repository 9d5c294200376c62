"""`treadle.dead_letters`: the topics `jobs.dead` and `treadle.audit`, folded into rows. Nothing else writes to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    delete,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert

from monitor.dead_letters.row import Row, readable, storable
from streams.wire.audit import Audit

_OURS = MetaData(schema="treadle")
dead_letters = Table(
    "dead_letters",
    _OURS,
    Column("partition", Integer, primary_key=True),
    Column("offset", BigInteger, primary_key=True),
    Column("job_id", Text),
    Column("kind", Text),
    Column("queue", Text),
    Column("error", Text),
    Column("message", Text),
    Column("first_at", DateTime(timezone=True)),
    Column("last_at", DateTime(timezone=True)),
    Column("died_at", DateTime(timezone=True)),
    Column("attempt", Integer),
    Column("redrives", Integer),
    Column("key", LargeBinary),
    Column("value", LargeBinary),
    Column("headers", LargeBinary),
    Column("state", Text),
    Column("changed_at", DateTime(timezone=True)),
    Column("changed_by", Text),
    Column("changed_why", Text),
)
ROW = [dead_letters.c[name] for name in Row._fields]
"""The columns of a `Row`."""

_progress = Table(
    "dead_positions",
    _OURS,
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next_offset", BigInteger),
)
_STATES = {"retry": "sent", "edit": "sent", "delete": "deleted"}
"""The state in which each action leaves a dead letter."""

_ADD = text(
    """
    INSERT INTO treadle.dead_letters (partition, "offset", job_id, kind, queue, error, message,
        first_at, last_at, died_at, attempt, redrives, key, value, headers)
    SELECT * FROM unnest(CAST(:partition AS int[]), CAST(:offset AS bigint[]), CAST(:job_id AS text[]),
        CAST(:kind AS text[]), CAST(:queue AS text[]), CAST(:error AS text[]), CAST(:message AS text[]),
        CAST(:first_at AS timestamptz[]), CAST(:last_at AS timestamptz[]), CAST(:died_at AS timestamptz[]),
        CAST(:attempt AS int[]), CAST(:redrives AS int[]), CAST(:key AS bytea[]), CAST(:value AS bytea[]),
        CAST(:headers AS bytea[]))
    ON CONFLICT DO NOTHING
    """
)
_MARK = text(
    """
    UPDATE treadle.dead_letters d
    SET state = :state, changed_at = :at, changed_by = :by, changed_why = :why
    FROM unnest(CAST(:partitions AS int[]), CAST(:offsets AS bigint[])) AS marked (partition, "offset")
    WHERE d.partition = marked.partition AND d."offset" = marked."offset" AND d.state = 'dead'
    """
)


def add(db: Connection, rows: Sequence[Row]) -> None:
    """Add dead letters from the topic. Those that are in the store already stay as they are."""
    if rows:
        db.execute(_ADD, dict(zip(Row._fields, map(list, zip(*rows, strict=True)), strict=True)))


def mark(db: Connection, audit: Audit) -> None:
    """Apply an audit to those of its dead letters that are still dead. Harmless when repeated."""
    partitions, offsets = [at[0] for at in audit.dead_letters], [at[1] for at in audit.dead_letters]
    note = {"at": readable(audit.at), "by": storable(audit.by), "why": storable(audit.why)}
    db.execute(_MARK, {**note, "state": _STATES[audit.action], "partitions": partitions, "offsets": offsets})


def next_offsets(db: Connection) -> dict[tuple[str, int], int]:
    """The next offset to read, of each (topic, partition) that has been read before."""
    return {(row.topic, row.partition): row.next_offset for row in db.execute(select(_progress))}


def save_next_offsets(db: Connection, topic: str, offsets: Mapping[int, int]) -> None:
    """Record how far this topic has been read: the next offset, by partition."""
    if not offsets:
        return
    rows = [{"topic": topic, "partition": number, "next_offset": at} for number, at in offsets.items()]
    new = insert(_progress).values(rows)
    db.execute(
        new.on_conflict_do_update(
            index_elements=["topic", "partition"], set_={"next_offset": new.excluded.next_offset}
        )
    )


def drop_before(db: Connection, begins: Iterable[tuple[int, int]]) -> None:
    """Forget dead letters that Kafka has deleted: those before the offset at which their partition begins now."""
    for partition, begin in begins:
        if begin > 0:
            expired = (dead_letters.c.partition == partition) & (dead_letters.c.offset < begin)
            db.execute(delete(dead_letters).where(expired))


def empty(db: Connection) -> None:
    """Forget everything, to read the topics from the start."""
    db.execute(delete(dead_letters))
    db.execute(delete(_progress))
