"""A dead letter as a row of the store: what its headers say, readable, next to its bytes as they arrived."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from streams.headers import ATTEMPT, ID, TYPE, number_of, text_of
from streams.message import Headers, Received
from streams.moments import epoch_ms, from_epoch_ms
from streams.topics import DEAD, queue_of
from streams.wire.audit import Position
from streams.wire.failure import failure_of
from streams.wire.home import home_topic
from streams.wire.redrive import redrives_of

_EPOCH = from_epoch_ms(0)
_DAY = timedelta(days=1)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC) + _DAY, datetime.max.replace(tzinfo=UTC) - _DAY
_NAME = re.compile(r"(\d{1,9}):(\d{1,18})", re.ASCII)
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Headers).decode


class Row(NamedTuple):
    """The columns of `treadle.dead_letters` that come from the topic, in their order.

    `redrives` counts how often the job had been sent back before it died.
    """

    partition: int
    offset: int
    job_id: str
    kind: str
    queue: str
    error: str
    message: str
    first_at: datetime | None
    last_at: datetime | None
    died_at: datetime
    attempt: int
    redrives: int
    key: bytes | None
    value: bytes | None
    headers: bytes

    @property
    def position(self) -> Position:
        return self.partition, self.offset

    @property
    def name(self) -> str:
        """How people name a dead letter: 3:1042."""
        return f"{self.partition}:{self.offset}"

    @property
    def identity(self) -> object:
        """Equal for duplicates: dead letters of the same job, byte for byte. One without an id has no duplicates."""
        return (self.job_id, self.kind, self.key, self.value) if self.job_id else self.position

    def received(self) -> Received:
        """The message on `jobs.dead`."""
        headers, timestamp = _unpack(self.headers), epoch_ms(self.died_at)
        return Received(DEAD, self.partition, self.offset, self.key, self.value, headers, timestamp)


def row_of(received: Received) -> Row:
    """The row of a message on `jobs.dead`, whatever is in it."""
    failure = failure_of(received)
    topic = home_topic(received)
    return Row(
        partition=received.partition,
        offset=received.offset,
        job_id=storable(text_of(received.headers, ID)),
        kind=storable(text_of(received.headers, TYPE)),
        queue=(queue_of(topic) or "") if topic else "",
        error=storable(failure.error) if failure else "",
        message=storable(failure.message) if failure else "",
        first_at=readable(failure.first_at) if failure else None,
        last_at=readable(failure.last_at) if failure else None,
        died_at=_moment(received.timestamp),
        attempt=number_of(received.headers, ATTEMPT) or 1,
        redrives=redrives_of(received),
        key=received.key,
        value=received.value,
        headers=_pack(received.headers),
    )


def position_named(name: str) -> Position | None:
    """The position that a name such as 3:1042 stands for; None when it is not such a name."""
    found = _NAME.fullmatch(name)
    return (int(found[1]), int(found[2])) if found else None


def storable(text: str) -> str:
    """The text without the one character that PostgreSQL's type `text` cannot hold."""
    return text.replace("\x00", "\\x00")


def readable(moment: datetime) -> datetime | None:
    """The moment in UTC; None for one that PostgreSQL can hold but Python cannot read back in every time zone.

    A moment without a time zone is taken as UTC. No time zone is a whole day away from UTC.
    """
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC) if _FIRST <= moment <= _LAST else None


def _moment(ms: int) -> datetime:
    try:
        return readable(from_epoch_ms(ms)) or _EPOCH
    except OverflowError:  # Kafka takes any timestamp that a client gives
        return _EPOCH
