"""The exceptions that people and several parts see: verdicts a worker chooses, and errors of the system."""

from datetime import timedelta


class Verdict(Exception):
    """An outcome that a worker chooses by raising it."""


class Discard(Verdict):
    """The job is no longer needed. It ends as discarded and is not retried.

    `reason` is a short sentence for people: "already closed". Its first 1,024 characters are kept.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class GiveUp(Verdict):
    """The job can never succeed. It becomes a dead letter immediately, however many retries are left."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RetryLater(Verdict):
    """Snooze the job: perform it again once `after` has passed. The attempt does not count.

    A job may be snoozed 100 times (`streams.policy.MAX_SNOOZES`); after that each snooze counts as a failed attempt.
    No wait is longer than ten years. Raises TypeError if `after` is not a timedelta, which fails the attempt like any
    other error.
    """

    def __init__(self, after: timedelta) -> None:
        if not isinstance(after, timedelta):
            raise TypeError(
                f"RetryLater takes a timedelta, such as timedelta(minutes=5), not {type(after).__name__}"
            )
        super().__init__(f"again in {after}")
        self.after = after


class TreadleError(Exception):
    """Something in or around Treadle went wrong. The message says what happened, and what to do about it."""


class BadMessage(TreadleError):
    """Something that cannot be read: a message, or what a person typed.

    As a job, an event or a tick it becomes a dead letter.
    """


class UnknownKind(BadMessage):
    """No job class with this name is known in this process."""


class NotDelivered(TreadleError):
    """Kafka did not acknowledge what was sent. Nothing that depends on it may count as done."""


class TookTooLong(TreadleError):
    """An attempt exceeded its time limit."""


class Crashed(TreadleError):
    """The process that performed the job died of it, as `deaths` earlier ones may have done."""

    def __init__(self, message: str, deaths: int = 0) -> None:
        super().__init__(message)
        self.deaths = deaths


class ConfigError(TreadleError):
    """A setting, `topics.yaml`, Kafka or the database is not as required."""
