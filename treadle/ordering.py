"""What a person may order about one job that waits: that it ends, or that it goes on at another moment.

An order is a message (`streams/orders.py`). What is answered is what a search found, so it may be a moment old.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

from streams.codec import epoch_ms
from streams.errors import BadMessage, TreadleError
from streams.orders import Order, cancels, encode_order, forget, moved
from streams.producer import Sender
from streams.redrive import home_of
from streams.tiers import due_of
from streams.topics import Topics
from treadle.dead.asked import Note
from treadle.finding_jobs import Where, find_job
from treadle.standing import order_about

_TOO_CLOSE = 2_000  # milliseconds before its due moment from which on a job is left alone: it is on its way
_NOTHING = "nothing is ordered"
_OVERTAKEN = "somebody ordered otherwise meanwhile: look again, and say it again"
_COMES_UP = 3_600_000  # milliseconds after its due moment until which a stale copy may still come up


class Answer(NamedTuple):
    """What was found, what tells so, and what was done about it; `ordered` is whether anything was."""

    where: Where
    told: str
    ordered: bool
    done: str


@dataclass(frozen=True)
class Desk:
    """Takes orders. A search for a job takes `within` at most."""

    kafka: Mapping[str, Any]
    topics: Topics
    sender: Sender
    within: timedelta

    def cancel(self, job: str, note: Note) -> Answer:
        """Have a job end as cancelled. Raises TreadleError."""
        before = order_about(self.kafka, job)
        order = _order("cancel", note, _still_stale(before))
        try:
            self.sender.send(
                [encode_order(job, order)]
            )  # before we look: what starts from now on hears of it
            found = find_job(self.kafka, self.topics, job, self.within, order)
        except BaseException as error:  # Ctrl-C, too
            self._take_back(job, order, before, str(error) or "it was interrupted")
            raise
        if found.where in (Where.WAITING, Where.RUNNING):
            answer = Answer(found.where, found.told, True, "it is ordered to end")
            return self._if_it_stands(job, order, answer)
        if found.told == "cancelled" and found.since >= order.at.timestamp():  # a consumer was as quick
            return Answer(found.where, found.told, True, "it has ended by this order")
        done = self._take_back(job, order, before, found.told)
        if found.cut_short:
            done += "; had it come up meanwhile, it has ended"
        return Answer(found.where, found.told, False, done)

    def move(self, job: str, due: datetime | None, note: Note) -> Answer:
        """Have a job that waits in a tier be due at another moment; None: now. Raises as `cancel`.

        A copy is sent on first, then the order says that the other counts no more. So a command that is killed
        in between loses nothing: both copies are performed, under one id.
        """
        before = order_about(self.kafka, job)
        found = find_job(self.kafka, self.topics, job, self.within, before)
        lies = found.lies
        if lies is None:
            return _nothing(found.where, found.told)
        if before is not None and cancels(before, lies):
            return _nothing(found.where, f"it is cancelled, by {before.by}")
        if lies.topic not in self.topics.tiers.by_topic:
            return _nothing(found.where, f"{lies.topic}, where it starts as soon as a slot is free")
        was, now = due_of(lies.headers), time.time_ns() // 1_000_000
        if was is None or was - now < _TOO_CLOSE:
            return _nothing(found.where, f"{lies.topic}, and starts within two seconds")
        home = home_of(lies)
        if home is None:
            raise BadMessage(f"job {job} waits in {lies.topic} and does not say where its home is")
        order = _order("move", note, (*_still_stale(before), was))
        new = now if due is None else epoch_ms(due)
        while new in order.stale:  # a copy is known by its moment
            new += 1
        if order_about(self.kafka, job) != before:  # somebody else was at it while we searched
            return _nothing(found.where, lies.topic)._replace(done=_OVERTAKEN)
        self.sender.send([self.topics.tiers.send_to_wait(moved(lies, home, order, new), now)])
        self.sender.send([encode_order(job, order)])
        moment = datetime.fromtimestamp(new / 1000, UTC).isoformat(timespec="seconds")
        done = "it goes to its queue now" if new <= now else f"it is due at {moment}"
        return self._if_it_stands(job, order, Answer(found.where, lies.topic, True, done))

    def _if_it_stands(self, job: str, order: Order, answer: Answer) -> Answer:
        """The answer, unless another order took the place of this one meanwhile. To end a job may be another's wish."""
        standing = order_about(self.kafka, job)
        if standing is not None and (standing.id == order.id or standing.action == order.action == "cancel"):
            return answer
        return answer._replace(ordered=False, done=_OVERTAKEN)

    def _take_back(self, job: str, order: Order, before: Order | None, why: str) -> str:
        """Have what was ordered before stand again, unless somebody ordered anew; what is to be said of it."""
        try:
            stands = order_about(self.kafka, job)
            if stands is None or stands.id == order.id or stands == before:  # ours may still be on its way
                stands = before
                self.sender.send([forget(job) if before is None else encode_order(job, before)])
        except TreadleError as error:
            raise TreadleError(
                f"{job} may end as cancelled: {why}, and the order could not be taken back ({error})"
            ) from error
        if stands is not None and stands.action == "cancel":
            return f"nothing is ordered, but that it ends stands as {stands.by} ordered it"
        return _NOTHING


def _order(action: str, note: Note, stale: tuple[int, ...]) -> Order:
    return Order(action, str(uuid4()), note.by, datetime.now(UTC), note.why, stale)  # type: ignore[arg-type]  # one of two


def _still_stale(order: Order | None) -> tuple[int, ...]:
    """Copies that may still come up."""
    now = time.time_ns() // 1_000_000
    return tuple(due for due in order.stale if due > now - _COMES_UP) if order else ()


def _nothing(where: Where, told: str) -> Answer:
    return Answer(where, told, False, _NOTHING)
