"""Reports on `jobs.lifecycle` what happens to jobs: in batches, and without holding up any job."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog

from consumers.attempt.begun import Attempt, Begun
from consumers.attempt.outcome import (
    NOTHING_FOLLOWS,
    Cancelled,
    Dead,
    Discarded,
    Outcome,
    Retrying,
    Succeeded,
)
from streams.errors import NotDelivered
from streams.headers import ID, text_of
from streams.kafka.producer import Sender
from streams.process import metrics
from streams.wire.failure import worded
from streams.wire.lifecycle import Batch, Finished, InFlight, encode_batch

log = structlog.get_logger()

MAX_BATCH = 2_000
_LONG = 1.0  # seconds after which a job in flight is reported


class Reporter:
    """Collects finished attempts, counts them, and sends them every `every`, with the jobs long in flight.

    What cannot be sent is logged and dropped: no job depends on it.
    """

    def __init__(
        self,
        sender: Sender,
        in_flight: Callable[[], Sequence[Begun]] = lambda: (),
        every: timedelta = timedelta(milliseconds=250),
    ) -> None:
        self._sender = sender
        self._in_flight = in_flight
        self._every = every.total_seconds()
        self._process = f"{socket.gethostname()}:{os.getpid()}"
        self._finished: list[Finished] = []
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)

    def start(self) -> None:
        """Start the thread that sends."""
        self._thread.start()

    def close(self) -> None:
        """Send what is left."""
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join()

    def record(self, attempt: Attempt, outcome: Outcome, took: float) -> None:
        """Record a finished attempt. Safe for many threads: appending to a list is atomic in CPython."""
        self._finished.append(_finished(attempt, outcome, took))

    def _run(self) -> None:
        while not self._closing.wait(self._every):
            self._try_to_send()
        self._try_to_send()

    def _try_to_send(self) -> None:
        try:
            self._send()
        # These few are not reported. If the thread ended, none would be, and memory would fill up.
        except Exception:
            log.exception("lifecycle_not_reported")

    def _send(self) -> None:
        finished = self._finished[:]
        del self._finished[: len(finished)]  # appends of other threads go behind these
        _count(finished)
        batches = [
            Batch(self._process, finished[at : at + MAX_BATCH]) for at in range(0, len(finished), MAX_BATCH)
        ]
        if in_flight := _since(self._in_flight(), time.time() - _LONG):
            batches.append(Batch(self._process, [], in_flight))
        self._sender.send_then([encode_batch(batch) for batch in batches], _log_failure)


def _count(finished: list[Finished]) -> None:
    observe = metrics.ATTEMPTS.observe
    for each in finished:
        observe(each.queue, each.kind, each.outcome, each.took)


def _since(attempts: Sequence[Begun], since: float) -> list[InFlight]:
    return [
        InFlight(e.id, e.kind, e.queue, e.attempt, attempt.began_at)
        for attempt in attempts
        if attempt.began_at < since and (e := attempt.envelope)
    ]


def _finished(attempt: Attempt, outcome: Outcome, took: float) -> Finished:
    name, reason = ("succeeded", "") if outcome is NOTHING_FOLLOWS else _named(outcome, attempt)
    envelope = attempt.envelope
    if envelope is None:
        queue = attempt.received.topic.removeprefix("jobs.")
        # Its kind is left out: whatever foreign clients write there would become labels of metrics.
        job = text_of(attempt.received.headers, ID)
        return Finished(job, "", queue, 0, name, attempt.began_at, took, reason)
    job, kind, queue = envelope.id, envelope.kind, envelope.queue
    return Finished(job, kind, queue, envelope.attempt, name, attempt.began_at, took, reason)


def _named(outcome: Outcome, attempt: Attempt) -> tuple[str, str]:
    match outcome:
        case Succeeded():
            return "succeeded", ""
        case Discarded(reason):
            return "discarded", reason
        case Retrying(failure=None):
            return "snoozed" if isinstance(attempt, Begun) else "scheduled", ""
        case Retrying(failure=failure) if failure is not None:
            return "retrying", f"{failure.error}: {failure.message}"
        case Cancelled(by, why):
            return "cancelled", worded(f"by {by}: {why}" if why else f"by {by}")
        case Dead(failure):
            return "dead", f"{failure.error}: {failure.message}"
    raise AssertionError(outcome)


def _log_failure(failure: NotDelivered | None) -> None:
    if failure:
        log.warning("lifecycle_not_delivered", error=str(failure))
