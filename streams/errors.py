"""Every exception Treadle raises: verdicts a worker chooses, and errors of the system."""

from datetime import timedelta


class Verdict(Exception):
    """An outcome that a worker chooses by raising it."""


class Discard(Verdict):
    """The job is no longer needed. It ends here, counted as discarded; nothing is tried again.

    `reason` is a short sentence for people: "already closed". It is kept as text, 1,024 characters of it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class GiveUp(Verdict):
    """The job can never succeed. It becomes a dead letter at once, whatever attempts are left."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RetryLater(Verdict):
    """Not now: perform the job again once `after` has passed. Uses up no attempt.

    Raises TypeError where `after` is no timedelta: an error of the worker's like any other.
    """

    def __init__(self, after: timedelta) -> None:
        if not isinstance(after, timedelta):
            raise TypeError(
                f"RetryLater takes a timedelta, such as timedelta(minutes=5), and no {type(after).__name__}"
            )
        super().__init__(f"again in {after}")
        self.after = after


class TreadleError(Exception):
    """Something of ours or around us went wrong. Message: what happened, and what to do about it."""


class BadMessage(TreadleError):
    """A message that cannot be read as a job, an event or a tick. It becomes a dead letter."""


class UnknownKind(BadMessage):
    """No job class of this name is known here."""


class NotDelivered(TreadleError):
    """Kafka did not acknowledge what was sent. Nothing may count as done that depends on it."""


class TookTooLong(TreadleError):
    """An attempt went past its time limit."""


class Crashed(TreadleError):
    """The process that performed the job died of it; so may have `deaths` others, before."""

    def __init__(self, message: str, deaths: int = 0) -> None:
        super().__init__(message)
        self.deaths = deaths


class ConfigError(TreadleError):
    """A setting, `topics.yaml`, Kafka or the database is not as it has to be."""
