"""What a person changes about a dead letter, checked against its kind before it is sent. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from streams.envelope import id_from
from streams.errors import BadMessage
from streams.headers import ID, QUEUE, SOURCE, SPEC_VERSION, TYPE, text_of
from streams.job import Job, Kind, Kinds, Queue
from streams.message import Headers, Message, Received
from streams.topics import queue_of, topic_of
from streams.wire.home import home_topic
from streams.wire.jobs import decode_job, read_job
from streams.wire.redrive import redriven_headers

_SOURCE = "/treadle/dead"
_PARTS = {TYPE: "kind", QUEUE: "queue", ID: "id", SOURCE: "source"}
"""What people call the headers that an edit may change."""


@dataclass(frozen=True)
class Changes:
    """What to change; None leaves it as it is. `args` is JSON: an object, or an array in field order."""

    args: bytes | None = None
    kind: str | None = None
    queue: Queue | None = None
    key: str | None = None


def edited(dead_letter: Received, changes: Changes, kinds: Kinds) -> tuple[Message, list[str]]:
    """The message to send in place of a dead letter, and the names of the parts that differ.

    It keeps its id, source and time; missing ones are filled in. A key that was derived from the arguments follows
    them. Raises BadMessage, with the reason that `treadle enqueue` would give.
    """
    value = dead_letter.value if changes.args is None else changes.args
    name = changes.kind or text_of(dead_letter.headers, TYPE)
    if not name:
        raise BadMessage("this dead letter does not name its kind: choose one with --kind")
    kind, job = read_job(kinds, name, value)
    queue = changes.queue or _queue(dead_letter) or kind.queue
    key = changes.key.encode() if changes.key is not None else _key(dead_letter, kind, job, kinds)
    new = Message(topic_of(queue), key, msgspec.json.encode(job), _headers(dead_letter, kind, queue))
    received = dead_letter._replace(topic=new.topic, key=key, value=new.value, headers=new.headers)
    decode_job(received, kinds)  # a header that cannot be read is reported now, not by the next dead letter
    return new, _differences(dead_letter, new)


def _queue(dead_letter: Received) -> Queue | None:
    topic = home_topic(dead_letter)
    return queue_of(topic) if topic is not None else None


def _key(dead_letter: Received, kind: Kind, job: Job, kinds: Kinds) -> bytes | None:
    key = kind.key_of(job)
    derived = key.encode() if key else None
    try:
        old_kind, old_job = read_job(kinds, text_of(dead_letter.headers, TYPE), dead_letter.value)
    except BadMessage:  # without arguments it is unknown what its key was derived from
        return dead_letter.key if dead_letter.key is not None else derived
    was_derived = dead_letter.key == (old_kind.key_of(old_job) or "").encode()
    return derived if derived and was_derived else dead_letter.key


def _headers(dead_letter: Received, kind: Kind, queue: Queue) -> Headers:
    new = {SPEC_VERSION: b"1.0", TYPE: kind.name.encode(), QUEUE: queue.value.encode()}
    present = {name for name, value in dead_letter.headers if value}
    if ID not in present:
        new[ID] = id_from(_SOURCE, str(dead_letter.partition), str(dead_letter.offset)).encode()
    if SOURCE not in present:
        new[SOURCE] = _SOURCE.encode()
    kept = [(name, value) for name, value in redriven_headers(dead_letter) if name not in new]
    return [*new.items(), *kept]


def _differences(dead_letter: Received, new: Message) -> list[str]:
    differing = []
    if new.value != dead_letter.value:
        differing.append("arguments")
    if new.key != dead_letter.key:
        differing.append("key")
    before, after = dict(dead_letter.headers), dict(new.headers)
    return differing + [part for name, part in _PARTS.items() if after.get(name) != before.get(name)]
