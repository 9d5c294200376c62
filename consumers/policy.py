"""From an attempt's error to its outcome, by the policy of its kind. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from consumers.outcome import Dead, Discarded, Outcome, Retrying
from streams.dead import crashes_after, failure, worded
from streams.envelope import Envelope
from streams.errors import BadMessage, Crashed, Discard, GiveUp, RetryLater
from streams.job import kind_of
from streams.message import Received
from streams.policy import LONGEST_WAIT, MOST_CRASHES, MOST_LATER, UsedUp


def decide(envelope: Envelope, error: BaseException, received: Received, now: datetime, r: int) -> Outcome:
    """What an attempt ends in whose worker raised this. `r` is a random whole number 0 to 9, for the backoff."""
    policy = kind_of(envelope.job).policy
    match error:
        case Discard(reason=reason):
            return Discarded(worded(reason))
        case GiveUp():
            return Dead(failure(error, received, now, "its worker gave up"))
        case BadMessage():  # something it leads to can be no message, and could not be another time
            return Dead(failure(error, received, now, "it would fail the same way every time"))
        case Crashed() if (crashes := crashes_after(error, received)) >= MOST_CRASHES:
            return Dead(failure(error, received, now, f"crashed: {crashes} processes died of it"))
        case RetryLater(after=after) if envelope.later < MOST_LATER:
            return Retrying(_in(after, now), envelope.attempt, envelope.later + 1)
    count = max(0, envelope.attempt - 1)
    if count < policy.retries and policy.retries_after(error):
        wait = error.after if isinstance(error, RetryLater) else policy.backoff.wait(count, r)
        return Retrying(_in(wait, now), envelope.attempt + 1, envelope.later, failure(error, received, now))
    if not policy.retries:
        why = f"jobs of kind {envelope.kind} are not retried"
    elif count < policy.retries:
        why = f"a {type(error).__name__} is not retried"
    else:
        why = f"all {policy.retries} retries are used up"
    if policy.used_up is UsedUp.DISCARD:
        return Discarded(f"{type(error).__name__}; {why}")
    return Dead(failure(error, received, now, why))


def _in(wait: timedelta, now: datetime) -> datetime:
    return now + min(max(wait, timedelta()), LONGEST_WAIT)
