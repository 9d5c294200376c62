"""Orders about single jobs, on the compacted topic `treadle.orders`: one for a job, keyed by its id."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec

from streams.errors import BadMessage
from streams.message import Message, Received
from streams.redrive import text_of
from streams.tiers import DUE, due_of
from streams.topics import ORDERS

MOVED = "treadle_moved"
"""Names the order by which a copy of a waiting job was sent on. It stays with that copy and what comes of it."""

RELEASED = "treadle_released"
"""Names the cancel that ends this job no more: it was given before the job was sent back from the dead letters."""


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """What `by` wants of a job, since `at`: that it ends (cancel), or that another copy of it counts (move).

    `id` is the order's own. `stale` has the due moments (epoch ms) of the copies that count no more.
    """

    action: Literal["cancel", "move"]
    id: str
    by: str
    at: datetime
    why: str = ""
    stale: tuple[int, ...] = ()


class Ruling(StrEnum):
    """What a process that holds a waiting job does with it."""

    GO_ON = "go on"
    HOME_NOW = "home now"
    DROP = "drop"


def ruling(order: Order | None, waiting: Received) -> Ruling:
    """What an order means for a job that comes up in a tier.

    A stale copy is dropped: another was acknowledged before the order was given. One that is cancelled goes home
    at once, where a consumer ends it.
    """
    if order is None:
        return Ruling.GO_ON
    if due_of(waiting.headers) in order.stale and text_of(waiting, MOVED) != order.id:
        return Ruling.DROP
    return Ruling.HOME_NOW if cancels(order, waiting) else Ruling.GO_ON


def cancels(order: Order, received: Received) -> bool:
    """Whether this order ends the job."""
    return order.action == "cancel" and text_of(received, RELEASED) != order.id


def released(message: Message, order: Order | None) -> Message:
    """The same job, which this order, if there is any, does not end."""
    if order is None:
        return message
    headers = [(name, value) for name, value in message.headers if name != RELEASED]
    return message._replace(headers=[*headers, (RELEASED, order.id.encode())])


def moved(waiting: Received, home: str, order: Order, due: int) -> Message:
    """The copy that counts from now on, due at `due` (epoch ms), for the topic of its home."""
    ours = {DUE: b"%d" % due, MOVED: order.id.encode()}
    headers = [(name, value) for name, value in waiting.headers if name not in ours]
    return Message(home, waiting.key, waiting.value, [*headers, *ours.items()])


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Order).decode


def encode_order(job_id: str, order: Order) -> Message:
    """The message that gives the order."""
    return Message(ORDERS, job_id.encode(), _encode(order), [("content-type", b"application/json")])


def forget(job_id: str) -> Message:
    """The message that takes back whatever was ordered about this job."""
    return Message(ORDERS, job_id.encode(), None, [])


def decode_order(value: bytes) -> Order:
    """What lies in a message of `treadle.orders`. Raises BadMessage."""
    try:
        return _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadMessage(f"no order can be read from this message: {error}") from error
