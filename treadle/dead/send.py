"""Sends dead letters home, or deletes them, batch by batch.

The order of effects: the jobs are in Kafka, then the audit is, then the store says so. A process that is killed in
between has lost nothing: what was not yet told of is sent again, under the same job id; what was told of is read
from the audit by whoever comes next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine

from consumers.orders import Orders
from streams.audit import Audit, Place, encode_audit
from streams.codec import MAX_JOB_BYTES
from streams.message import Message
from streams.orders import released
from streams.producer import Sender
from streams.redrive import home_of, sent_home
from treadle.dead import store
from treadle.dead.asked import Chosen, Note
from treadle.dead.choose import claim
from treadle.dead.letter import Letter

_BATCH = 1_000
_START: Place = (-1, -1)


@dataclass(frozen=True)
class Sent:
    """What one batch came to: letters done, ids of the jobs, and letters that stay.

    Of those that are `homeless` nobody knows the home; what is `too_large` for a job would only die again.
    """

    letters: int
    jobs: tuple[str, ...]
    homeless: tuple[str, ...] = ()
    too_large: tuple[str, ...] = ()
    repeated: int = 0


def send_back(
    database: Engine,
    sender: Sender,
    chosen: Chosen,
    note: Note,
    orders: Orders,
    *,
    again: bool = False,
    rate: float | None = None,
    first: int | None = None,
    pause: Callable[[float], object] = time.sleep,
) -> Iterator[Sent]:
    """Send the chosen letters home, 1,000 with one wait; yields after each batch, when it is in Kafka and marked.

    The `orders` that stand are of the jobs' former lives: none is cancelled by them any more.
    `rate` bounds how many a second; the wait for it is a `pause` of so many seconds, which ends all by answering yes.
    `first` ends it after so many. Letters that died again after they had been sent back stay unless `again`. Raises
    NotDelivered; the letters of that batch stay dead.
    """
    after, left = _START, first
    most = min(_BATCH, max(1, int(rate))) if rate else _BATCH
    while True:
        began = time.monotonic()
        limit = most if left is None else min(most, left)
        if limit == 0:
            return
        with database.begin() as db:
            batch, further = claim(db, chosen, after, limit, again=again)
            if not batch:
                return
            sent = _send(db, sender, batch, further, note, orders)
        after = batch[-1].place
        left = left if left is None else left - sent.letters + sent.repeated
        yield sent
        if rate and pause(max(0.0, began + sent.letters / rate - time.monotonic())):
            return


def _send(
    db: Connection,
    sender: Sender,
    batch: Sequence[Letter],
    further: Sequence[Letter],
    note: Note,
    orders: Orders,
) -> Sent:
    homes = {letter.place: home_of(letter.received()) for letter in batch}
    homeless = tuple(letter.name for letter in batch if homes[letter.place] is None)
    too_large = tuple(letter.name for letter in batch if len(letter.value or b"") > MAX_JOB_BYTES)
    stay = {*homeless, *too_large}
    same: dict[object, list[Letter]] = {}  # of letters that are the same job, the first goes
    for letter in batch:
        if letter.name not in stay:
            same.setdefault(letter.job, []).append(letter)
    for letter in further:
        if letter.job in same:
            same[letter.job].append(letter)
    # Home by home: what one topic has taken is told of before another may refuse.
    bound: dict[str, list[list[Letter]]] = {}
    for of_one_job in same.values():
        bound.setdefault(str(homes[of_one_job[0].place]), []).append(of_one_job)
    for home, jobs in bound.items():
        firsts = [of_one_job[0] for of_one_job in jobs]
        sender.send([released(sent_home(each.received(), home), orders.of(each.job_id)) for each in firsts])
        record(db, sender, "retry", [letter for of_one_job in jobs for letter in of_one_job], note)
    went = sum(map(len, same.values()))
    ids = tuple(of_one_job[0].job_id for of_one_job in same.values())
    return Sent(went, ids, homeless, too_large, went - len(same))


def send_edited(
    database: Engine,
    sender: Sender,
    letter: Letter,
    message: Message,
    note: Note,
    orders: Orders,
    changed: list[str],
) -> bool:
    """Send this message in the place of a letter; False when it is dead no longer. Raises NotDelivered."""
    with database.begin() as db:
        chosen = Chosen(places=(letter.place,))
        batch, further = claim(db, chosen, _START, 1, again=True)
        if not batch:
            return False
        sender.send([released(message, orders.of(letter.job_id))])
        record(db, sender, "edit", [*batch, *further], note, changed)
    return True


def delete(database: Engine, sender: Sender, chosen: Chosen, note: Note) -> Iterator[Sent]:
    """Mark the chosen letters as deleted; yields after each batch. Their bytes stay in Kafka until it deletes them."""
    after = _START
    while True:
        with database.begin() as db:
            batch, further = claim(db, chosen, after, _BATCH, again=True)
            if not batch:
                return
            record(db, sender, "delete", [*batch, *further], note)
        after = batch[-1].place
        deleted = len(batch) + len(further)
        yield Sent(deleted, tuple(letter.job_id for letter in batch), repeated=len(further))


def record(
    db: Connection,
    sender: Sender,
    action: str,
    letters: Sequence[Letter],
    note: Note,
    changed: Sequence[str] = (),
) -> None:
    """Have the audit acknowledged, and mark the letters in the transaction that is open."""
    audit = Audit(
        action=action,  # type: ignore[arg-type]  # one of three, all written above
        by=note.by,
        at=datetime.now(UTC),
        letters=[letter.place for letter in letters],
        jobs=[letter.job_id for letter in letters],
        why=note.why,
        changed=list(changed),
    )
    sender.send([encode_audit(audit)])
    store.mark(db, audit)
