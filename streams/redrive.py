"""A dead letter goes home: the message it came as, without the papers of its failure."""

from __future__ import annotations

from streams.dead import FAILURE, failure_of
from streams.job import Queue
from streams.message import Headers, Message, Received
from streams.topics import EVENTS, TICKS, queue_of, topic_of

REDRIVE = "treadle_redrive"
"""How often a job was sent back. It stays with the job, so that one that dies again is known."""

_OF_TRYING = (FAILURE, REDRIVE, "treadle_attempt", "treadle_later", "treadle_due")
_MOST = 2**31 - 1


def sent_home(letter: Received, topic: str) -> Message:
    """The message for `topic`: key, value and headers as they came, as a first attempt that is due now."""
    return Message(topic, letter.key, letter.value, fresh_papers(letter))


def fresh_papers(letter: Received) -> Headers:
    """The letter's headers for a new life: attempt 1, no failure, not waiting, sent back once more."""
    headers = [(name, value) for name, value in letter.headers if name not in _OF_TRYING]
    headers.append(("treadle_attempt", b"1"))
    headers.append((REDRIVE, b"%d" % (redrives_of(letter) + 1)))
    return headers


def home_of(letter: Received) -> str | None:
    """The topic that the letter came from at first; None when nothing tells.

    That is its queue's; of an event or a tick that could not be read, the one where it lay.
    """
    queue = text_of(letter, "treadle_queue")
    if queue in list(Queue):
        return topic_of(Queue(queue))
    failure = failure_of(letter)
    lay = failure.topic if failure else ""
    return lay if queue_of(lay) or lay in (EVENTS, TICKS) else None


def redrives_of(received: Received) -> int:
    """How often this job was sent back from the dead letters."""
    return number_of(received, REDRIVE)


def number_of(received: Received, name: str) -> int:
    """A header as a number that fits into 32 bits; 0 when there is none that can be read."""
    text = text_of(received, name)
    return min(int(text), _MOST) if text.isdecimal() and text.isascii() and len(text) < 20 else 0


def text_of(received: Received, name: str) -> str:
    """A header as text, whatever its bytes are; empty when it is missing."""
    value = dict(received.headers).get(name) or b""
    return value.decode(errors="backslashreplace")
