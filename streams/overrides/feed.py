"""The overrides in force: read once by a command, or followed by a process on a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from streams.deadline import Deadline
from streams.errors import NotDelivered, TreadleError
from streams.kafka.follower import Follower
from streams.kafka.producer import Sender
from streams.kafka.reader import Reader
from streams.overrides.message import Override
from streams.overrides.table import Overrides
from streams.topics import OVERRIDES

log = structlog.get_logger()

_CATCH_UP = 10.0  # seconds for reading everything written before the start
_POLL = 0.2  # seconds; bounds only how long `close` takes: an override is known as soon as it is fetched


def overrides_in_force(kafka: Mapping[str, Any]) -> Overrides:
    """All overrides in force now, for a command. Raises ConfigError when Kafka does not answer."""
    overrides = Overrides()
    with Reader(kafka) as reader:
        for batch in reader.batches(reader.ranges(OVERRIDES)):
            for received in batch.messages:
                overrides.take(received.key, received.value)
    return overrides


def override_in_force(kafka: Mapping[str, Any], job: str) -> Override | None:
    """The override of this job that is in force now. Raises ConfigError."""
    return overrides_in_force(kafka).of(job)


class OverrideFeed:
    """Keeps `overrides` up to date. Once `start` has returned, every override written before is known."""

    def __init__(
        self,
        kafka: Mapping[str, Any],
        overrides: Overrides,
        sender: Sender,
        fail: Callable[[TreadleError], None],
    ) -> None:
        self._overrides = overrides
        self._sender = sender
        self._fail = fail
        self._closing = threading.Event()
        self._follower = Follower(kafka, OVERRIDES)
        self._thread = threading.Thread(target=self._run, name="overrides", daemon=True)

    def start(self) -> None:
        """Read all there is, then follow. Raises ConfigError when the topic is missing or Kafka does not answer."""
        for received in self._follower.catch_up(Deadline(_CATCH_UP)):
            self._overrides.take(received.key, received.value)
        self._thread.start()

    def close(self) -> None:
        """Stop following."""
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._follower.close()

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                for received in self._follower.poll(_POLL):
                    self._overrides.take(received.key, received.value)
                if expired := self._overrides.expired():
                    self._sender.send_then(expired, _log_failure)
        except Exception as error:
            log.exception("overrides_failed")
            self._fail(TreadleError(f"{OVERRIDES} is no longer read: {error}"))


def _log_failure(failure: NotDelivered | None) -> None:
    if failure:
        log.warning("override_not_forgotten", error=str(failure))
