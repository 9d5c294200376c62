"""Why an attempt failed, as a header that stays with the job."""

from __future__ import annotations

from datetime import UTC, datetime
from types import TracebackType

import msgspec

from streams.errors import Crashed
from streams.headers import FAILURE, value_of
from streams.message import Received
from streams.wire.decoding import UNREADABLE

MAX_REASON = 1024
"""The length of a reason that is kept, in characters."""
MAX_FRAMES = 20
"""The lines of a backtrace that are kept."""
MAX_BACKTRACE = 2048
"""The bytes of a backtrace that are kept."""


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why an attempt failed, and the message's position: the header `treadle_failure`, as JSON.

    `backtrace` names files, lines and functions, innermost first, and no values.
    """

    error: str
    message: str
    first_at: datetime
    last_at: datetime
    topic: str
    partition: int
    offset: int
    why: str = ""
    """Why it is not retried: "all 25 retries are exhausted"."""
    backtrace: tuple[str, ...] = ()
    crashes: int = 0
    """How many processes have died of the job so far."""


def failure(error: BaseException, received: Received, at: datetime, why: str = "") -> Failure:
    """Describe this error. The time of the first failure is kept from earlier attempts."""
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
    """How many processes have died of this job, according to its earlier failures and this error."""
    before = failure_of(received)
    return (max(0, before.crashes) if before else 0) + (error.deaths + 1 if isinstance(error, Crashed) else 0)


def backtrace(error: BaseException) -> tuple[str, ...]:
    """Where the error came from, innermost first: at most MAX_FRAMES lines and MAX_BACKTRACE bytes.

    Files, lines and functions only: the values of arguments and variables may be personal.
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


def worded(reason: object) -> str:
    """The text of an error or a reason, in MAX_REASON characters or a few more.

    It comes from a worker: the text may not be valid UTF-8, and `str` may fail.
    """
    try:
        text = str(reason)
    except Exception:
        text = "the error could not be put into words"
    return text[:MAX_REASON].encode(errors="backslashreplace").decode()


def failure_of(received: Received) -> Failure | None:
    """The failure in a message's headers; None when it is missing or unreadable."""
    value = value_of(received.headers, FAILURE)
    if value is None:
        return None
    try:
        return msgspec.json.decode(value, type=Failure)
    except UNREADABLE:
        return None
