"""What happens to jobs, told on `jobs.lifecycle` in batches and off the path of the jobs themselves."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

import msgspec
import structlog

from streams import metrics
from streams.errors import NotDelivered
from streams.message import Message
from streams.producer import Sender
from streams.topics import LIFECYCLE

log = structlog.get_logger()
_encode = msgspec.json.Encoder().encode
_LARGEST_BATCH = 2_000
_LONG = 1.0  # seconds after which a job at work is told of


class Finished(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One finished attempt: began at `began_at` (epoch seconds), took `took` seconds; `reason` for a failure."""

    job: str
    kind: str
    queue: str
    attempt: int
    outcome: str
    began_at: float
    took: float
    reason: str = ""


class Running(msgspec.Struct, frozen=True, array_like=True):
    """A job that has been at work for a while."""

    job: str
    kind: str
    queue: str
    attempt: int
    began_at: float


class Batch(msgspec.Struct, frozen=True, omit_defaults=True):
    """The value of a lifecycle message: what a process (host:pid) has finished, and what it works on."""

    process: str
    finished: list[Finished]
    running: list[Running] = []


_decode = msgspec.json.Decoder(Batch).decode


def batch_of(value: bytes | None) -> Batch:
    """What a message of `jobs.lifecycle` tells: nothing when it is not one of ours, which is logged."""
    try:
        return _decode(value or b"")
    # No JSON, in the wrong shape, not UTF-8; or nested too deeply.
    except (ValueError, RecursionError) as error:
        log.warning("lifecycle_unreadable", error=str(error))
        return Batch("", [])


class Lifecycle:
    """Collects what is finished, counts it, and sends it every `every`; with it, what has been at work for long.

    The ledger only listens: what cannot be sent is logged, and holds nothing up.
    """

    def __init__(
        self,
        sender: Sender,
        running_since: Callable[[float], Sequence[Running]] = lambda _: (),
        every: timedelta = timedelta(milliseconds=250),
    ) -> None:
        self._sender = sender
        self._running_since = running_since
        self._every = every.total_seconds()
        self._process = f"{socket.gethostname()}:{os.getpid()}"
        self._finished: list[Finished] = []
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lifecycle", daemon=True)
        self.record = self._finished.append  # called for every job: nothing but the list's own method

    def start(self) -> None:
        """Start the thread that sends."""
        self._thread.start()

    def close(self) -> None:
        """Send what is left."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(self._every):
            self._try_to_tell()
        self._try_to_tell()

    def _try_to_tell(self) -> None:
        try:
            self._tell()
        # These few are not told; without its thread none would be, and memory would fill up.
        except Exception:
            log.exception("lifecycle_not_told")

    def _tell(self) -> None:
        finished = self._finished[:]
        del self._finished[: len(finished)]  # appends of other threads go behind these
        _count(finished)
        running = self._running_since(time.time() - _LONG)
        batches = [
            Batch(self._process, finished[at : at + _LARGEST_BATCH])
            for at in range(0, len(finished), _LARGEST_BATCH)
        ]
        if running:
            batches.append(Batch(self._process, [], list(running)))
        messages = [Message(LIFECYCLE, None, _encode(batch), []) for batch in batches]
        self._sender.send_then(messages, _log_failure)


def _count(finished: list[Finished]) -> None:
    observe = metrics.ATTEMPTS.observe
    for each in finished:
        observe(each.queue, each.kind, each.outcome, each.took)


def _log_failure(failure: NotDelivered | None) -> None:
    if failure:
        log.warning("lifecycle_not_delivered", error=str(failure))
