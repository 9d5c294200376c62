"""From an attempt's error to its outcome, by the policy of its kind. Pure.

This is where the due moment of a retry is computed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from consumers.attempt.outcome import Dead, Discarded, Outcome, Retrying
from streams.envelope import Envelope
from streams.errors import BadMessage, Crashed, Discard, GiveUp, RetryLater
from streams.job import kind_of
from streams.message import Received
from streams.policy import LONGEST_WAIT, MAX_CRASHES, MAX_SNOOZES, Exhausted
from streams.wire.failure import crashes_after, failure, worded


def decide(envelope: Envelope, error: BaseException, received: Received, now: datetime, r: int) -> Outcome:
    """The outcome of an attempt whose worker raised this. `r` is a random whole number 0 to 9, for the backoff."""
    policy = kind_of(envelope.job).policy
    match error:
        case Discard(reason=reason):
            return Discarded(worded(reason))
        case GiveUp():
            return Dead(failure(error, received, now, "its worker gave up"))
        case BadMessage():  # something it leads to cannot become a message, now or later
            return Dead(failure(error, received, now, "it would fail the same way every time"))
        case Crashed() if (crashes := crashes_after(error, received)) >= MAX_CRASHES:
            return Dead(failure(error, received, now, f"crashed: {crashes} processes died of it"))
        case RetryLater(after=after) if envelope.snoozes < MAX_SNOOZES:
            return Retrying(_due(now, after), envelope.attempt, envelope.snoozes + 1)
    count = max(0, envelope.attempt - 1)
    if count < policy.retries and policy.retries_after(error):
        wait = error.after if isinstance(error, RetryLater) else policy.backoff.wait(count, r)
        return Retrying(
            _due(now, wait), envelope.attempt + 1, envelope.snoozes, failure(error, received, now)
        )
    if not policy.retries:
        why = f"jobs of kind {envelope.kind} are not retried"
    elif count < policy.retries:
        why = f"a {type(error).__name__} is not retried"
    else:
        why = f"all {policy.retries} retries are exhausted"
    if policy.exhausted is Exhausted.DISCARD:
        return Discarded(f"{type(error).__name__}; {why}")
    return Dead(failure(error, received, now, why))


def _due(now: datetime, wait: timedelta) -> datetime:
    return now + min(max(wait, timedelta()), LONGEST_WAIT)
