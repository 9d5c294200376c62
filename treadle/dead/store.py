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

from streams.audit import Audit
from treadle.dead.letter import Letter, readable, storable

_OURS = MetaData(schema="treadle")
letters = Table(
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
positions = Table(
    "dead_positions",
    _OURS,
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next_offset", BigInteger),
)
OF_LETTER = [letters.c[name] for name in Letter._fields]
STATES = {"retry": "sent", "edit": "sent", "delete": "deleted"}
"""What an action makes of a letter that was dead."""

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
    UPDATE treadle.dead_letters l
    SET state = :state, changed_at = :at, changed_by = :by, changed_why = :why
    FROM unnest(CAST(:partitions AS int[]), CAST(:offsets AS bigint[])) AS place (partition, "offset")
    WHERE l.partition = place.partition AND l."offset" = place."offset" AND l.state = 'dead'
    """
)


def add(db: Connection, new: Sequence[Letter]) -> None:
    """Letters from the topic. Those that are there already stay as they are."""
    if new:
        db.execute(_ADD, dict(zip(Letter._fields, map(list, zip(*new, strict=True)), strict=True)))


def mark(db: Connection, audit: Audit) -> None:
    """Carry out what was done with letters that are still dead. Harmless when repeated."""
    partitions, offsets = [place[0] for place in audit.letters], [place[1] for place in audit.letters]
    told = {"at": readable(audit.at), "by": storable(audit.by), "why": storable(audit.why)}
    db.execute(_MARK, {**told, "state": STATES[audit.action], "partitions": partitions, "offsets": offsets})


def read_positions(db: Connection) -> dict[tuple[str, int], int]:
    """The next offset to read of each (topic, partition) that was read before."""
    return {(row.topic, row.partition): row.next_offset for row in db.execute(select(positions))}


def keep_positions(db: Connection, topic: str, next_offsets: Mapping[int, int]) -> None:
    """So far this topic has been read."""
    if not next_offsets:
        return
    rows = [{"topic": topic, "partition": number, "next_offset": at} for number, at in next_offsets.items()]
    new = insert(positions).values(rows)
    db.execute(
        new.on_conflict_do_update(
            index_elements=["topic", "partition"], set_={"next_offset": new.excluded.next_offset}
        )
    )


def drop_before(db: Connection, begins: Iterable[tuple[int, int]]) -> None:
    """Forget letters that Kafka has deleted: those of a partition before where it begins now."""
    for partition, begin in begins:
        if begin > 0:
            gone = (letters.c.partition == partition) & (letters.c.offset < begin)
            db.execute(delete(letters).where(gone))


def empty(db: Connection) -> None:
    """Forget everything, to read the topics anew."""
    db.execute(delete(letters))
    db.execute(delete(positions))
