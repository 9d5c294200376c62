"""What happened to jobs, told on `jobs.lifecycle` in batches and off the path of the jobs themselves."""

from __future__ import annotations

import os
import socket
import threading
from datetime import timedelta

import msgspec
import structlog

from streams.errors import NotDelivered
from streams.message import Message
from streams.producer import Sender
from streams.topics import LIFECYCLE

log = structlog.get_logger()
_encode = msgspec.json.Encoder().encode
_LARGEST_BATCH = 2_000


class Fact(msgspec.Struct, frozen=True, array_like=True):
    """One finished attempt: `started_at` in epoch seconds, `took` in seconds, `reason` for a failure."""

    job: str
    kind: str
    queue: str
    attempt: int
    outcome: str
    started_at: float
    took: float
    reason: str = ""


class Facts(msgspec.Struct, frozen=True):
    """A batch of facts, and the process (host:pid) that tells them. The value of a lifecycle message."""

    process: str
    facts: list[Fact]


class Lifecycle:
    """Collects facts and sends them every `every`. The ledger only listens: what cannot be sent is logged."""

    def __init__(self, sender: Sender, every: timedelta = timedelta(milliseconds=250)) -> None:
        self._sender = sender
        self._every = every.total_seconds()
        self._process = f"{socket.gethostname()}:{os.getpid()}"
        self._facts: list[Fact] = []
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lifecycle", daemon=True)
        self._thread.start()
        self.record = self._facts.append

    def close(self) -> None:
        """Send what is left."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(self._every):
            self._send()
        self._send()

    def _send(self) -> None:
        facts = self._facts[:]
        del self._facts[: len(facts)]  # appends of other threads go behind these
        batches = [facts[at : at + _LARGEST_BATCH] for at in range(0, len(facts), _LARGEST_BATCH)]
        messages = [Message(LIFECYCLE, None, _encode(Facts(self._process, batch)), []) for batch in batches]
        self._sender.send_then(messages, _log_failure)


def _log_failure(failure: NotDelivered | None) -> None:
    if failure:
        log.warning("lifecycle_not_delivered", error=str(failure))
