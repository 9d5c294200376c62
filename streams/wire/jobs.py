"""From envelopes to the messages that carry them, and back: this is where a job's message is decoded.

Values are JSON; the rest of an envelope travels as headers in CloudEvents 1.0 binary mode, so that any CloudEvents
SDK can produce jobs, and a retry never encodes a payload again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec

from streams.envelope import Envelope
from streams.errors import BadMessage
from streams.headers import (
    ATTEMPT,
    DUE,
    ID,
    MAX_NUMBER,
    QUEUE,
    SNOOZES,
    SOURCE,
    SPEC_VERSION,
    TIME,
    TRACEPARENT,
    TYPE,
    by_name,
)
from streams.job import Job, Kind, Kinds
from streams.message import Message, Received
from streams.moments import epoch_ms, from_epoch_ms, read_moment
from streams.topics import topic_of
from streams.wire.cloudevent import cloudevent
from streams.wire.home import home_queue
from streams.wire.sidekiq import GENERIC_WORKER, generic_call

MAX_JOB_BYTES = 1024 * 1024
"""The limit on a job's encoded arguments. Larger things belong in a file or a table."""

_encode = msgspec.json.Encoder().encode


def encode_job(envelope: Envelope, value: bytes | None = None) -> Message:
    """The message that carries this envelope. Raises BadMessage when the arguments exceed the limit.

    `value` is the encoded arguments, if the caller has them already.
    """
    value = _encode(envelope.job) if value is None else value
    if len(value) > MAX_JOB_BYTES:
        raise BadMessage(_too_large(len(value)))
    headers = cloudevent(envelope.id, envelope.kind, envelope.source, envelope.time)
    due = None
    if envelope.attempt > 1:  # a header costs a consumer a quarter of a microsecond: defaults are left out
        headers.append((ATTEMPT, b"%d" % envelope.attempt))
    if envelope.due is not None:
        due = epoch_ms(envelope.due)
        headers.append((DUE, b"%d" % due))
        headers.append((QUEUE, envelope.queue.encode()))  # it may wait outside its queue's topic
    if envelope.traceparent is not None:
        headers.append((TRACEPARENT, envelope.traceparent.encode()))
    if envelope.snoozes:
        headers.append((SNOOZES, b"%d" % envelope.snoozes))
    key = envelope.key.encode() if envelope.key else None
    return Message(topic_of(envelope.queue), key, value, headers, None, due)


def decode_job(received: Received, kinds: Kinds) -> Envelope:
    """The envelope in a message. Raises BadMessage, which says why it cannot be read."""
    headers = by_name(received.headers)
    get = headers.get
    try:
        kind, job = read_job(kinds, _required(headers, TYPE), received.value)
        if (get(SPEC_VERSION) or b"1.0") != b"1.0":
            raise BadMessage(f"header {SPEC_VERSION} is not 1.0, the only version we read")
        time, due, trace = get(TIME), get(DUE), get(TRACEPARENT)
        return Envelope(
            job=job,
            id=_required(headers, ID),
            queue=home_queue(get(QUEUE), received.topic) or kind.queue,
            source=_required(headers, SOURCE),
            time=_time(time) if time else from_epoch_ms(received.timestamp),
            key=received.key.decode() if received.key else None,
            attempt=_count(attempt, 1) if (attempt := get(ATTEMPT)) else 1,
            due=from_epoch_ms(int(due)) if due else None,
            traceparent=trace.decode() if trace else None,
            snoozes=_count(snoozes, 0) if (snoozes := get(SNOOZES)) else 0,
        )
    except (ValueError, OverflowError) as error:  # a header that is not UTF-8, not a number, or out of range
        raise BadMessage(f"a header cannot be read: {error}") from error


def read_job(kinds: Kinds, name: str, value: bytes | None) -> tuple[Kind, Job]:
    """The job of this kind (or alias) with these arguments: a JSON object, or an array in field order.

    With GenericWorker the first two arguments, a class and a method, name the kind, and nulls among the others are
    dropped, as in Loomio. Raises BadMessage.
    """
    if value is None:
        raise BadMessage("the message has no value; a job without arguments has {}")
    if len(value) > MAX_JOB_BYTES:
        raise BadMessage(_too_large(len(value)))
    if name == GENERIC_WORKER:
        call, value = generic_call(value)
        kind = kinds.find(call)
    else:
        kind = kinds.find(name)
    try:
        if value.lstrip()[:1] == b"[":
            return kind, _from_array(kind, msgspec.json.decode(value))
        return kind, _decoder(kind.job_class).decode(value)
    except msgspec.ValidationError as error:
        raise BadMessage(f"{kind.name}: {error}. {_takes(kind)}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadMessage(f"{kind.name}: the value is not JSON: {error}") from error
    except RecursionError as error:
        raise BadMessage(f"{kind.name}: the value is nested too deeply to be read") from error


def kind_named(kinds: Kinds, name: bytes, value: bytes | None) -> Kind | None:
    """The kind of a message, by its type and, for GenericWorker, its arguments; None when it is unknown."""
    try:
        text = name.decode()
        return kinds.find(generic_call(value or b"")[0] if text == GENERIC_WORKER else text)
    except (BadMessage, UnicodeDecodeError):
        return None


@cache
def _decoder(job_class: type[Job]) -> msgspec.json.Decoder[Job]:
    return msgspec.json.Decoder(job_class)


def _from_array(kind: Kind, args: list[Any]) -> Job:
    least = len(kind.fields) - len(kind.job_class.__struct_defaults__)
    if not least <= len(args) <= len(kind.fields):
        raise BadMessage(f"{kind.name}: the array has {len(args)} arguments. {_takes(kind)}")
    return msgspec.convert(dict(zip(kind.fields, args, strict=False)), kind.job_class)


def _takes(kind: Kind) -> str:
    return f"It takes: {', '.join(kind.fields) or 'no arguments'}"


def _too_large(size: int) -> str:
    return f"the arguments have {size:,} bytes; a job may have {MAX_JOB_BYTES:,}"


def _required(headers: dict[str, bytes | None], name: str) -> str:
    value = headers.get(name)
    if not value:
        raise BadMessage(f"header {name} is missing; a job needs {ID}, {TYPE} and {SOURCE}")
    return value.decode()


def _time(text: bytes) -> datetime:
    try:
        return read_moment(text.decode(), UTC)
    except BadMessage as error:
        raise BadMessage(f"header {TIME} cannot be read: {error}") from error


def _count(text: bytes, least: int) -> int:
    """A number, but never below `least`: a negative attempt would mean many more retries."""
    return min(max(int(text), least), MAX_NUMBER)
