"""A dead letter as a row: what stands in its headers, readable, beside the bytes as they came."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from streams.audit import Place
from streams.dead import failure_of
from streams.message import Headers, Received
from streams.redrive import home_of, number_of, redrives_of, text_of
from streams.topics import DEAD, queue_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC) + _DAY, datetime.max.replace(tzinfo=UTC) - _DAY
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Headers).decode


class Letter(NamedTuple):
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
    def place(self) -> Place:
        return self.partition, self.offset

    @property
    def name(self) -> str:
        """How people name a letter: 3:1042."""
        return f"{self.partition}:{self.offset}"

    @property
    def job(self) -> object:
        """The same for letters that are the same job, byte for byte. One without an id is like no other."""
        return (self.job_id, self.kind, self.key, self.value) if self.job_id else self.place

    def received(self) -> Received:
        """The letter as it lies in `jobs.dead`."""
        headers = _unpack(self.headers)
        ms = (self.died_at - _EPOCH) // timedelta(milliseconds=1)
        return Received(DEAD, self.partition, self.offset, self.key, self.value, headers, ms)


def letter_of(received: Received) -> Letter:
    """The row of a message on `jobs.dead`, whatever is in it."""
    failure = failure_of(received)
    home = home_of(received)
    return Letter(
        partition=received.partition,
        offset=received.offset,
        job_id=storable(text_of(received, "ce_id")),
        kind=storable(text_of(received, "ce_type")),
        queue=(queue_of(home) or "") if home else "",
        error=storable(failure.error) if failure else "",
        message=storable(failure.message) if failure else "",
        first_at=readable(failure.first_at) if failure else None,
        last_at=readable(failure.last_at) if failure else None,
        died_at=_moment(received.timestamp),
        attempt=number_of(received, "treadle_attempt") or 1,
        redrives=redrives_of(received),
        key=received.key,
        value=received.value,
        headers=_pack(received.headers),
    )


def storable(text: str) -> str:
    """PostgreSQL's text holds every character but one."""
    return text.replace("\x00", "\\x00")


def readable(moment: datetime) -> datetime | None:
    """In UTC; None for what PostgreSQL could hold, and Python not read again in the zone of whoever reads.

    One without a zone is in UTC. No zone is a whole day from it.
    """
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC) if _FIRST <= moment <= _LAST else None


def _moment(ms: int) -> datetime:
    try:
        return readable(_EPOCH + timedelta(milliseconds=ms)) or _EPOCH
    except OverflowError:  # Kafka takes any time that a client gives
        return _EPOCH
