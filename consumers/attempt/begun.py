"""An attempt that was begun: one that can run, or one that ended before its worker was called."""

from __future__ import annotations

from datetime import datetime

from consumers.attempt.outcome import Outcome
from consumers.context import Context
from consumers.worker import Worker
from streams.envelope import Envelope
from streams.message import Received


class Begun:
    """Its message was read, and its worker was found. `began_at` is in epoch seconds."""

    __slots__ = ("began_at", "ctx", "envelope", "received", "worker")

    def __init__(
        self, received: Received, envelope: Envelope, worker: Worker, now: datetime, ctx: Context
    ) -> None:
        self.received = received
        self.envelope = envelope
        self.worker = worker
        self.ctx = ctx
        self.began_at = now.timestamp()


class NotBegun:
    """It ended in `outcome` before its worker was called. `envelope` is None when its message could not be read."""

    __slots__ = ("began_at", "envelope", "outcome", "received")

    def __init__(
        self, received: Received, envelope: Envelope | None, now: datetime, outcome: Outcome
    ) -> None:
        self.received = received
        self.envelope = envelope
        self.outcome = outcome
        self.began_at = now.timestamp()


Attempt = Begun | NotBegun
