"""Brings the store of dead letters up to date with its topics. The next offsets are kept with the rows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, text

from monitor.dead_letters import store
from monitor.dead_letters.row import row_of
from monitor.dead_letters.select import CLAIM_LOCK
from streams.errors import BadMessage, ConfigError
from streams.kafka.reader import OffsetRange, Reader
from streams.message import Received
from streams.topics import AUDIT, DEAD
from streams.wire.audit import decode_audit

log = structlog.get_logger()

_FOLLOW_LOCK = 0x6465_6164
""""dead": the advisory lock that one follower at a time holds."""
_PAUSE = 0.5  # seconds

Progress = Callable[[int], None]
"""Called after each batch, with the number of its messages."""


def _unwatched(_: int) -> None: ...


def catch_up(
    database: Engine, kafka: Mapping[str, Any], *, rebuild: bool = False, progress: Progress = _unwatched
) -> None:
    """Read both topics up to their present end. With `rebuild` the store is emptied first.

    Several processes may do this at once: each waits for the one before it. Raises ConfigError when a topic or
    table is missing, TreadleError when Kafka does not answer.
    """
    with Reader(kafka) as reader, database.connect() as db, _locked(db):
        if rebuild:
            _rebuild(db, reader, progress)
        else:
            _catch_up(db, reader, progress, db.begin)


def follow_until(stop: threading.Event, database: Engine, kafka: Mapping[str, Any]) -> None:
    """Keep the store up to date until asked to stop. Raises as `catch_up`."""
    with Reader(kafka) as reader:
        while not stop.is_set():
            with database.connect() as db, _locked(db):
                _catch_up(db, reader, _unwatched, db.begin)
            stop.wait(_PAUSE)


def _rebuild(db: Connection, reader: Reader, progress: Progress) -> None:
    # In one transaction, in which no one may claim: until the audits are read, every row looks dead.
    with db.begin():
        db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": CLAIM_LOCK})
        store.empty(db)
        _catch_up(db, reader, progress, nullcontext)


def _catch_up(
    db: Connection, reader: Reader, progress: Progress, step: Callable[[], AbstractContextManager[object]]
) -> None:
    # The end of the audits is looked up first: whatever an audit names is then read before the audit is.
    audits = reader.ranges(AUDIT)
    dead = reader.ranges(DEAD)
    with step():
        known = store.next_offsets(db)
        store.drop_before(db, [(each.partition, each.begin) for each in dead])
    for batch in reader.batches(_unread(dead, known)):
        with step():
            store.add(db, [row_of(received) for received in batch.messages])
            store.save_next_offsets(db, DEAD, batch.next_offsets)
        progress(len(batch.messages))
    for batch in reader.batches(_unread(audits, known)):
        with step():
            for received in batch.messages:
                _mark(db, received)
            store.save_next_offsets(db, AUDIT, batch.next_offsets)
        progress(len(batch.messages))


def _mark(db: Connection, received: Received) -> None:
    try:
        audit = decode_audit(received.value)
    except BadMessage as error:  # not one of ours: tests hold ours to be readable
        log.warning("audit_unreadable", offset=received.offset, error=str(error))
        return
    store.mark(db, audit)


def _unread(ranges: list[OffsetRange], known: Mapping[tuple[str, int], int]) -> list[OffsetRange]:
    """What is left to read of these ranges, by the next offsets that are known."""
    unread = []
    for each in ranges:
        at = known.get((each.topic, each.partition), each.begin)
        if at > each.end:
            raise ConfigError(
                f"{each.topic} ends at offset {each.end}, but was read up to {at} before: the topic was deleted and "
                "recreated. Run `treadle dead rebuild` to read it from the start"
            )
        unread.append(each._replace(begin=max(at, each.begin)))
    return [each for each in unread if each.begin < each.end]


@contextmanager
def _locked(db: Connection) -> Iterator[None]:
    """Hold the followers' lock on this connection."""
    db.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _FOLLOW_LOCK})
    db.commit()
    try:
        yield
    finally:
        if not db.invalidated:
            db.rollback()
            db.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _FOLLOW_LOCK})
            db.commit()
