"""From a job to a dead letter, and back: the same bytes, except for the headers about its attempts."""

from __future__ import annotations

import msgspec

from streams.headers import ATTEMPT, DUE, FAILURE, REDRIVES, SNOOZES, number_of, replaced
from streams.message import Headers, Message, Received
from streams.topics import DEAD
from streams.wire.failure import Failure

_OF_PAST_ATTEMPTS = (FAILURE, SNOOZES, DUE)


def dead_letter(received: Received, reason: Failure) -> Message:
    """The message for `jobs.dead`: key, value and headers unchanged, plus the failure."""
    headers = replaced(received.headers, {FAILURE: msgspec.json.encode(reason)})
    return Message(DEAD, received.key, received.value, headers)


def redrive_message(dead_letter: Received, topic: str) -> Message:
    """The message that returns it to `topic`: key and value unchanged, as a first attempt that is due now."""
    return Message(topic, dead_letter.key, dead_letter.value, redriven_headers(dead_letter))


def redriven_headers(dead_letter: Received) -> Headers:
    """The dead letter's headers for its redrive: attempt 1, no failure, no wait, and one more redrive."""
    kept = [(name, value) for name, value in dead_letter.headers if name not in _OF_PAST_ATTEMPTS]
    return replaced(kept, {ATTEMPT: b"1", REDRIVES: b"%d" % (redrives_of(dead_letter) + 1)})


def redrives_of(received: Received) -> int:
    """How often this job was redriven."""
    return number_of(received.headers, REDRIVES)
