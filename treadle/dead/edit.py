"""What a person changes of a dead letter, checked against its kind before it is sent. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from streams.codec import decode_job, read_job
from streams.envelope import id_from
from streams.errors import BadMessage
from streams.job import Job, Kind, Kinds, Queue
from streams.message import Headers, Message, Received
from streams.redrive import fresh_papers, home_of, text_of
from streams.topics import queue_of, topic_of


@dataclass(frozen=True)
class Changes:
    """What to change; None leaves it as it is. `args` is JSON: an object, or an array in field order."""

    args: bytes | None = None
    kind: str | None = None
    queue: Queue | None = None
    key: str | None = None


def edited(letter: Received, changes: Changes, kinds: Kinds) -> tuple[Message, list[str]]:
    """The message to send in the letter's place, and the names of what differs from it.

    It keeps its id, its source and its time; one that has none gets some. A key that came from the arguments
    follows them. Raises BadMessage, with the reason `treadle enqueue` would give.
    """
    value = letter.value if changes.args is None else changes.args
    name = changes.kind or text_of(letter, "ce_type")
    if not name:
        raise BadMessage("the letter does not say of which kind it is: name it with --kind")
    kind, job = read_job(kinds, name, value)
    topic = _home(letter, kind, changes.queue)
    key = changes.key.encode() if changes.key is not None else _key(letter, kind, job, kinds)
    new = Message(topic, key, msgspec.json.encode(job), _headers(letter, kind, topic))
    received = letter._replace(topic=topic, key=key, value=new.value, headers=new.headers)
    decode_job(received, kinds)  # a header that cannot be read is told now, not by the next dead letter
    return new, _differences(letter, new)


def _home(letter: Received, kind: Kind, queue: Queue | None) -> str:
    if queue is not None:
        return topic_of(queue)
    home = home_of(letter)
    return home if home is not None and queue_of(home) else topic_of(kind.queue)


def _key(letter: Received, kind: Kind, job: Job, kinds: Kinds) -> bytes | None:
    made = kind.key_of(job)
    try:
        before = read_job(kinds, text_of(letter, "ce_type"), letter.value)
    except BadMessage:  # the arguments could not be read: what its key came from is not known
        return letter.key if letter.key is not None else (made.encode() if made else None)
    came_from_arguments = letter.key == (before[0].key_of(before[1]) or "").encode()
    return made.encode() if made and came_from_arguments else letter.key


def _headers(letter: Received, kind: Kind, topic: str) -> Headers:
    queue = queue_of(topic)
    assert queue is not None
    new = {"ce_specversion": b"1.0", "ce_type": kind.name.encode(), "treadle_queue": queue.value.encode()}
    there = {name for name, value in letter.headers if value}
    if "ce_id" not in there:
        new["ce_id"] = id_from("/treadle/dead", str(letter.partition), str(letter.offset)).encode()
    if "ce_source" not in there:
        new["ce_source"] = b"/treadle/dead"
    kept = [(name, value) for name, value in fresh_papers(letter) if name not in new]
    return [*new.items(), *kept]


def _differences(letter: Received, new: Message) -> list[str]:
    differs = []
    if new.value != letter.value:
        differs.append("arguments")
    if new.key != letter.key:
        differs.append("key")
    old = dict(letter.headers)
    named = {"ce_type": "kind", "treadle_queue": "queue", "ce_id": "id", "ce_source": "source"}
    now = dict(new.headers)
    return differs + [word for name, word in named.items() if now.get(name) != old.get(name)]
