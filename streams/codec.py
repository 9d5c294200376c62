"""Between envelopes, events and ticks and the Kafka messages that carry them.

Values are JSON; the papers travel as headers in CloudEvents 1.0 binary mode (the Kafka protocol binding),
so that any CloudEvents SDK can produce for us and a retry never encodes a payload again.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import msgspec

from streams.envelope import Envelope
from streams.errors import BadMessage
from streams.event import Event
from streams.job import Job, Kind, Kinds, Queue, kind_of
from streams.message import Headers, Message, Received
from streams.tick import Tick
from streams.tiers import DUE, QUEUE
from streams.topics import EVENTS, TICKS, queue_of, topic_of

MAX_JOB_BYTES = 1024 * 1024
"""A job's arguments may be this long, encoded. Larger things belong into a file or a table."""

ATTEMPT, LATER = "treadle_attempt", "treadle_later"
GENERIC_WORKER = "GenericWorker"
_QUEUES = {queue.value.encode(): queue for queue in Queue}
_MOST = 2**31 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_encode = msgspec.json.Encoder().encode


def encode_job(envelope: Envelope) -> Message:
    """The message that carries this envelope. Raises BadMessage when the arguments are over the limit."""
    value = _encode(envelope.job)
    if len(value) > MAX_JOB_BYTES:
        raise BadMessage(_too_large(len(value)))
    headers = _cloudevent(envelope.id, envelope.kind, envelope.source, envelope.time)
    if envelope.attempt > 1:  # a header costs a consumer a quarter of a microsecond: defaults are left out
        headers.append((ATTEMPT, b"%d" % envelope.attempt))
    if envelope.due is not None:
        headers.append((DUE, b"%d" % epoch_ms(envelope.due)))
    if envelope.traceparent is not None:
        headers.append(("traceparent", envelope.traceparent.encode()))
    if envelope.later:
        headers.append((LATER, b"%d" % envelope.later))
    return Message(topic_of(envelope.queue), envelope.key.encode() if envelope.key else None, value, headers)


def decode_job(received: Received, kinds: Kinds) -> Envelope:
    """The envelope in a message. Raises BadMessage, whose text tells a person why it cannot be read."""
    headers = dict(received.headers)
    get = headers.get
    try:
        kind, job = read_job(kinds, _text(headers, "ce_type"), received.value)
        if (get("ce_specversion") or b"1.0") != b"1.0":
            raise BadMessage("header ce_specversion is not 1.0, the only version we read")
        time, due, queue, trace = get("ce_time"), get(DUE), get(QUEUE), get("traceparent")
        return Envelope(
            job=job,
            id=_text(headers, "ce_id"),
            queue=_queue(queue) if queue else queue_of(received.topic) or kind.queue,
            source=_text(headers, "ce_source"),
            time=_moment(time.decode()) if time else _from_epoch_ms(received.timestamp),
            key=received.key.decode() if received.key else None,
            attempt=_count(attempt, 1) if (attempt := get(ATTEMPT)) else 1,
            due=_from_epoch_ms(int(due)) if due else None,
            traceparent=trace.decode() if trace else None,
            later=_count(later, 0) if (later := get(LATER)) else 0,
        )
    except (ValueError, OverflowError) as error:  # a header that is not UTF-8, no number, no moment, no queue
        raise BadMessage(f"a header cannot be read: {error}") from error


def read_job(kinds: Kinds, name: str, value: bytes | None) -> tuple[Kind, Job]:
    """The job of this kind (or alias) with these arguments: a JSON object, or an array in field order.

    The name GenericWorker stands for Loomio's calls by class and method: the first two arguments
    find the kind, and of the rest those that are null fall away, as there. Raises BadMessage.
    """
    if value is None:
        raise BadMessage("the message has no value; a job without arguments has {}")
    if len(value) > MAX_JOB_BYTES:
        raise BadMessage(_too_large(len(value)))
    if name == GENERIC_WORKER:
        call, value = _generic_call(value)
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
    """The kind that a message is of, by its type and, for GenericWorker, its arguments; None when unknown."""
    try:
        text = name.decode()
        return kinds.find(_generic_call(value or b"")[0] if text == GENERIC_WORKER else text)
    except (BadMessage, UnicodeDecodeError):
        return None


def as_ruby(job: Job) -> dict[str, Any]:
    """The job as Sidekiq would hold it: {"class": …, "args": […]}; without counterpart under our kind."""
    kind = kind_of(job)
    args = [msgspec.to_builtins(getattr(job, field)) for field in kind.fields]
    defaults = kind.job_class.__struct_defaults__
    while args and len(args) > len(kind.fields) - len(defaults) and args[-1] is None:
        args.pop()
    if not kind.replaces:
        return {"class": kind.name, "args": args}
    service, _, method = kind.replaces[0].partition(".")
    return (
        {"class": GENERIC_WORKER, "args": [service, method, *args]}
        if method
        else {"class": service, "args": args}
    )


def encode_event(event: Event) -> Message:
    """The message on `loomio.events` that carries this event."""
    headers = _cloudevent(str(event.id), event.kind, "/loomio/events", event.created_at)
    return Message(EVENTS, event.key.encode(), _encode(event), headers)


def encode_tick(tick: Tick) -> Message:
    """The message that carries this tick."""
    headers = _cloudevent(tick.id, tick.schedule, "/treadle/scheduler", tick.due_at)
    return Message(TICKS, tick.schedule.encode(), _encode(tick), headers)


def decode_fact(topic: str, value: bytes | None) -> Event | Tick:
    """The event or tick in a message of its topic. Raises BadMessage."""
    wanted: type[Event] | type[Tick] = Event if topic == EVENTS else Tick
    try:
        fact: Event | Tick = _fact_decoder(wanted).decode(value or b"")
        return fact
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadMessage(f"no {wanted.__name__.lower()} can be read from this message: {error}") from error


@cache
def _decoder(job_class: type[Job]) -> msgspec.json.Decoder[Job]:
    return msgspec.json.Decoder(job_class)


@cache
def _fact_decoder(fact: type[Any]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(fact)


def _cloudevent(id_: str, type_: str, source: str, time: datetime) -> Headers:
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", id_.encode()),
        ("ce_type", type_.encode()),
        ("ce_source", source.encode()),
        ("ce_time", time.isoformat().encode()),
    ]


def _generic_call(value: bytes) -> tuple[str, bytes]:
    try:
        service, method, *args = msgspec.json.decode(value, type=list[Any])
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise BadMessage("GenericWorker takes an array: class, method, then its arguments") from error
    return f"{service}.{method}", _encode([arg for arg in args if arg is not None])


def _from_array(kind: Kind, args: list[Any]) -> Job:
    least = len(kind.fields) - len(kind.job_class.__struct_defaults__)
    if not least <= len(args) <= len(kind.fields):
        raise BadMessage(f"{kind.name}: the array has {len(args)} arguments. {_takes(kind)}")
    return msgspec.convert(dict(zip(kind.fields, args, strict=False)), kind.job_class)


def _takes(kind: Kind) -> str:
    return f"It takes: {', '.join(kind.fields) or 'no arguments'}"


def _too_large(size: int) -> str:
    return f"the arguments have {size:,} bytes; a job may have {MAX_JOB_BYTES:,}"


def _queue(name: bytes) -> Queue:
    queue = _QUEUES.get(name)  # several times as fast as the enum's own look-up
    return queue if queue is not None else Queue(name.decode())


def _text(headers: dict[str, bytes | None], name: str) -> str:
    value = headers.get(name)
    if not value:
        raise BadMessage(f"header {name} is missing; a job needs ce_id, ce_type and ce_source")
    return value.decode()


def _count(text: bytes, least: int) -> int:
    """A number below the least counts as that, else a job would have as many retries more as it claims."""
    return min(max(int(text), least), _MOST)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def epoch_ms(moment: datetime) -> int:
    """The first whole millisecond of the epoch that is not before this moment."""
    return -((_EPOCH - moment) // timedelta(milliseconds=1))


def _from_epoch_ms(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)
