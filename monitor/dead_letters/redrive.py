"""Sends dead letters back to their queues, or deletes them, batch by batch.

The order of effects: the jobs are in Kafka, then the audit is, then the store says so. A process that is killed in
between loses nothing: what the audit does not name yet is sent again, under the same job id; what it names is read
from there by whoever comes next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import Connection, Engine

from monitor.dead_letters import store
from monitor.dead_letters.request import Selection
from monitor.dead_letters.row import Row
from monitor.dead_letters.select import claim
from monitor.note import Note
from streams.kafka.producer import Sender
from streams.message import Message
from streams.overrides.message import released
from streams.overrides.table import Overrides
from streams.wire.audit import Audit, Position, encode_audit
from streams.wire.home import home_topic
from streams.wire.jobs import MAX_JOB_BYTES
from streams.wire.redrive import redrive_message

_BATCH = 1_000
_START: Position = (-1, -1)


@dataclass(frozen=True)
class BatchResult:
    """What one batch came to: how many dead letters were sent back or deleted, and the ids of their jobs.

    `duplicates` of the `dead_letters` were duplicates of others. `without_queue` and `too_large` name those that were
    skipped: their queue is unknown, or they are too large for a job and would only die again.
    """

    dead_letters: int
    jobs: tuple[str, ...]
    without_queue: tuple[str, ...] = ()
    too_large: tuple[str, ...] = ()
    duplicates: int = 0


def redrive(
    database: Engine,
    sender: Sender,
    selection: Selection,
    note: Note,
    overrides: Overrides,
    *,
    again: bool = False,
    rate: float | None = None,
    limit: int | None = None,
    pause: Callable[[float], object] = time.sleep,
) -> Iterator[BatchResult]:
    """Send the selected dead letters back, at most 1,000 at once; yields when a batch is in Kafka and in the store.

    None of the `overrides` in force applies to the jobs any more: a cancel was meant for their earlier life.
    Without `again`, those that died again after an earlier redrive stay. `rate` bounds how many are sent a second:
    `pause` waits for that many seconds, and ends the redrive by returning something true. `limit` bounds how many are
    sent in all. Raises NotDelivered; the dead letters of that batch stay.
    """
    after, left = _START, limit
    largest = min(_BATCH, max(1, int(rate))) if rate else _BATCH
    while True:
        began = time.monotonic()
        size = largest if left is None else min(largest, left)
        if size == 0:
            return
        with database.begin() as db:
            batch, duplicates = claim(db, selection, after, size, again=again)
            if not batch:
                return
            result = _redrive_batch(db, sender, batch, duplicates, note, overrides)
        after = batch[-1].position
        left = left if left is None else left - result.dead_letters + result.duplicates
        yield result
        if rate and pause(max(0.0, began + result.dead_letters / rate - time.monotonic())):
            return


def _redrive_batch(
    db: Connection,
    sender: Sender,
    batch: Sequence[Row],
    duplicates: Sequence[Row],
    note: Note,
    overrides: Overrides,
) -> BatchResult:
    topics = {row.position: home_topic(row.received()) for row in batch}
    without_queue = tuple(row.name for row in batch if topics[row.position] is None)
    too_large = tuple(row.name for row in batch if len(row.value or b"") > MAX_JOB_BYTES)
    skipped = {*without_queue, *too_large}
    jobs: dict[object, list[Row]] = {}  # of the rows of one job, the first is sent
    for row in batch:
        if row.name not in skipped:
            jobs.setdefault(row.identity, []).append(row)
    for row in duplicates:
        if row.identity in jobs:
            jobs[row.identity].append(row)
    # Topic by topic: what one has taken is in the audit before another may refuse.
    by_topic: dict[str, list[list[Row]]] = {}
    for rows in jobs.values():
        by_topic.setdefault(str(topics[rows[0].position]), []).append(rows)
    for topic, of_topic in by_topic.items():
        firsts = [rows[0] for rows in of_topic]
        messages = [redrive_message(row.received(), topic) for row in firsts]
        sender.send(
            [
                released(message, overrides.of(row.job_id))
                for message, row in zip(messages, firsts, strict=True)
            ]
        )
        record(db, sender, "retry", [row for rows in of_topic for row in rows], note)
    done = sum(map(len, jobs.values()))
    ids = tuple(rows[0].job_id for rows in jobs.values())
    return BatchResult(done, ids, without_queue, too_large, done - len(jobs))


def redrive_edited(
    database: Engine,
    sender: Sender,
    row: Row,
    message: Message,
    note: Note,
    overrides: Overrides,
    changed: Sequence[str],
) -> bool:
    """Send this message in place of a dead letter; False when it is no longer dead. Raises NotDelivered."""
    with database.begin() as db:
        batch, duplicates = claim(db, Selection(positions=(row.position,)), _START, 1, again=True)
        if not batch:
            return False
        sender.send([released(message, overrides.of(row.job_id))])
        record(db, sender, "edit", [*batch, *duplicates], note, changed)
    return True


def delete(
    database: Engine, sender: Sender, selection: Selection, note: Note, *, again: bool = True
) -> Iterator[BatchResult]:
    """Mark the selected dead letters as deleted; yields after each batch. Their bytes stay in Kafka until they expire.

    Without `again`, those that died again after an earlier redrive stay.
    """
    after = _START
    while True:
        with database.begin() as db:
            batch, duplicates = claim(db, selection, after, _BATCH, again=again)
            if not batch:
                return
            record(db, sender, "delete", [*batch, *duplicates], note)
        after = batch[-1].position
        deleted = len(batch) + len(duplicates)
        yield BatchResult(deleted, tuple(row.job_id for row in batch), duplicates=len(duplicates))


def record(
    db: Connection,
    sender: Sender,
    action: Literal["retry", "edit", "delete"],
    rows: Sequence[Row],
    note: Note,
    changed: Sequence[str] = (),
) -> None:
    """Have Kafka acknowledge the audit, and mark the rows in the open transaction."""
    audit = Audit(
        action=action,
        by=note.by,
        at=datetime.now(UTC),
        dead_letters=[row.position for row in rows],
        jobs=[row.job_id for row in rows],
        why=note.why,
        changed=list(changed),
    )
    sender.send([encode_audit(audit)])
    store.mark(db, audit)
