"""Dead letters: jobs no machine will try again, byte for byte as they came, with the reason."""

from __future__ import annotations

from datetime import UTC, datetime
from types import TracebackType

import msgspec

from streams.errors import Crashed
from streams.message import Message, Received
from streams.topics import DEAD

FAILURE = "treadle_failure"
MAX_REASON = 1024
"""Longest reason kept, in characters."""
MAX_FRAMES = 20
"""Most lines of a backtrace kept."""
MAX_BACKTRACE = 2048
"""Most bytes of a backtrace kept."""


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why an attempt failed, and where the message lay: the header `treadle_failure`, as JSON.

    `backtrace` names files, lines and functions, the innermost first, and no values.
    """

    error: str
    message: str
    first_at: datetime
    last_at: datetime
    topic: str
    partition: int
    offset: int
    why: str = ""
    """Why nothing tries it again: "all 25 retries are used up"."""
    backtrace: tuple[str, ...] = ()
    crashes: int = 0
    """How many processes died of the job so far."""


def failure(error: BaseException, received: Received, at: datetime, why: str = "") -> Failure:
    """What there is to say of this error. The first failure's time is kept from an earlier attempt."""
    before = failure_of(received)
    return Failure(
        error=type(error).__name__,
        message=worded(error),
        first_at=before.first_at if before else at.astimezone(UTC),
        last_at=at.astimezone(UTC),
        topic=received.topic,
        partition=received.partition,
        offset=received.offset,
        why=why,
        backtrace=backtrace(error),
        crashes=crashes_after(error, received),
    )


def crashes_after(error: BaseException, received: Received) -> int:
    """How many processes have died of this job, by what its failures so far and this error tell."""
    before = failure_of(received)
    return (max(0, before.crashes) if before else 0) + (error.deaths + 1 if isinstance(error, Crashed) else 0)


def backtrace(error: BaseException) -> tuple[str, ...]:
    """Where the error came from, innermost first: at most MAX_FRAMES lines and MAX_BACKTRACE bytes.

    Files, lines and functions only: what an argument or a variable held may be personal.
    """
    lines: list[str] = []
    left = MAX_BACKTRACE
    for frame in reversed(_frames(error.__traceback__)):
        line = _frame(frame).encode(errors="backslashreplace").decode()
        left -= len(line.encode())
        if left < 0 or len(lines) == MAX_FRAMES:
            break
        lines.append(line)
    return tuple(lines)


def _frames(traceback: TracebackType | None) -> list[TracebackType]:
    frames = []
    while traceback is not None:
        frames.append(traceback)
        traceback = traceback.tb_next
    return frames


def _frame(frame: TracebackType) -> str:
    code = frame.tb_frame.f_code
    return f"{code.co_filename}:{frame.tb_lineno} in {code.co_qualname}"


def worded(said: object) -> str:
    """What an error or a reason says, in MAX_REASON characters or a few more.

    It comes from a worker: it may say what UTF-8 cannot hold, or fail at saying it.
    """
    try:
        text = str(said)
    except Exception:
        text = "the error could not be put into words"
    return text[:MAX_REASON].encode(errors="backslashreplace").decode()


def failure_of(received: Received) -> Failure | None:
    """The failure that a message's headers tell of, or None."""
    for name, value in reversed(received.headers):
        if name == FAILURE:
            try:
                return msgspec.json.decode(value or b"", type=Failure)
            except (ValueError, RecursionError):  # no JSON, of another shape, not UTF-8; or nested too deeply
                return None
    return None


def dead_letter(received: Received, reason: Failure) -> Message:
    """The message for `jobs.dead`: key, value and headers as they came, and the failure."""
    headers = [(name, value) for name, value in received.headers if name != FAILURE]
    headers.append((FAILURE, msgspec.json.encode(reason)))
    return Message(DEAD, received.key, received.value, headers)
