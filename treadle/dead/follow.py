"""Brings the store of dead letters up to date with the topics; the position is kept with the rows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import structlog
from confluent_kafka import Consumer
from sqlalchemy import Connection, Engine, text

from streams.audit import decode_audit
from streams.errors import BadMessage, ConfigError
from streams.message import Received
from streams.topics import AUDIT, DEAD
from treadle.dead import store
from treadle.dead.choose import CLAIMING
from treadle.dead.letter import letter_of
from treadle.reading import Span, open_reader, read_batches, spans

log = structlog.get_logger()

_FOLLOWING = 0x6465_6164  # "dead": the advisory lock that one follower at a time holds
_PAUSE = 0.5  # seconds

Told = Callable[[int], None]
"""Hears how many messages more have been read."""


def _nobody(_: int) -> None: ...


def catch_up(
    database: Engine, kafka: Mapping[str, Any], *, rebuild: bool = False, told: Told = _nobody
) -> None:
    """Read both topics to what is their end now. With `rebuild` the store is emptied before.

    Several processes may do this at once: each waits for the one before it. Raises ConfigError when a topic or
    table is missing, TreadleError when Kafka does not answer.
    """
    reader = open_reader(kafka)
    try:
        with database.connect() as db, _alone(db):
            if rebuild:
                _rebuild(db, reader, told)
            else:
                _catch_up(db, reader, told, db.begin)
    finally:
        reader.close()


def follow_until(stop: threading.Event, database: Engine, kafka: Mapping[str, Any]) -> None:
    """Keep the store up to date until asked to stop. Raises as `catch_up`."""
    reader = open_reader(kafka)
    try:
        while not stop.is_set():
            with database.connect() as db, _alone(db):
                _catch_up(db, reader, _nobody, db.begin)
            stop.wait(_PAUSE)
    finally:
        reader.close()


def _rebuild(db: Connection, reader: Consumer, told: Told) -> None:
    # In one transaction, and with nobody claiming letters: until the audits are read, all letters look dead.
    with db.begin():
        db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": CLAIMING})
        store.empty(db)
        _catch_up(db, reader, told, nullcontext)


def _catch_up(
    db: Connection, reader: Consumer, told: Told, step: Callable[[], AbstractContextManager[object]]
) -> None:
    # The audits' end is looked up before the letters': so whatever an audit speaks of is read before it.
    audits = spans(reader, AUDIT)
    dead = spans(reader, DEAD)
    with step():
        read = store.read_positions(db)
        store.drop_before(db, [(span.partition, span.begin) for span in dead])
    for batch in read_batches(reader, _unread(dead, read)):
        with step():
            store.add(db, [letter_of(received) for received in batch.messages])
            store.keep_positions(db, DEAD, batch.next_offsets)
        told(len(batch.messages))
    for batch in read_batches(reader, _unread(audits, read)):
        with step():
            for received in batch.messages:
                _mark(db, received)
            store.keep_positions(db, AUDIT, batch.next_offsets)
        told(len(batch.messages))


def _mark(db: Connection, received: Received) -> None:
    try:
        audit = decode_audit(received.value)
    except BadMessage as error:  # somebody else's message; ours are tested to be readable
        log.warning("audit_unreadable", offset=received.offset, error=str(error))
        return
    store.mark(db, audit)


def _unread(found: list[Span], read: Mapping[tuple[str, int], int]) -> list[Span]:
    unread = []
    for span in found:
        at = read.get((span.topic, span.partition), span.begin)
        if at > span.end:
            raise ConfigError(
                f"{span.topic} ends at {span.end}, and {at} had been read: the topic was made anew. "
                "`treadle dead rebuild` reads it from its start"
            )
        if at < span.end:
            unread.append(span._replace(begin=max(at, span.begin)))
    return [span for span in unread if span.begin < span.end]


@contextmanager
def _alone(db: Connection) -> Iterator[None]:
    """Hold the followers' lock on this connection."""
    db.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _FOLLOWING})
    db.commit()
    try:
        yield
    finally:
        if not db.invalidated:
            db.rollback()
            db.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _FOLLOWING})
            db.commit()
