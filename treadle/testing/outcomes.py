"""What an outcome holds, in a form that tests compare: jobs, events, and why an attempt failed."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from consumers.attempt.outcome import Cancelled, Dead, Discarded, Outcome, Retrying, Succeeded
from streams.envelope import Envelope
from streams.event import Event
from streams.headers import TYPE, text_of
from streams.job import Job, Kinds, kind_of
from streams.message import Message, Received
from streams.topics import EVENTS
from streams.wire.facts import decode_fact
from streams.wire.failure import Failure
from streams.wire.jobs import decode_job


def enqueued(outcome: Outcome) -> list[Job]:
    """The jobs that the attempt enqueued, in this order. Empty when it was discarded or snoozed.

    Raises AssertionError when the attempt failed: that nothing was enqueued would say nothing about the worker.
    """
    __tracebackhide__ = True
    return [envelope.job for envelope in envelopes(outcome)]


def envelopes(outcome: Outcome) -> list[Envelope]:
    """As `enqueued`, with all that travels beside each job: `id`, `queue`, `key`, `due` (aware, UTC; or None)."""
    __tracebackhide__ = True
    jobs = [message for message in _follow_ups(outcome) if message.topic != EVENTS]
    kinds = _kinds({text_of(message.headers, TYPE) for message in jobs})
    return [decode_job(_received(message), kinds) for message in jobs]


def published(outcome: Outcome) -> list[Event]:
    """The events that the attempt published, in this order. Raises AssertionError when it failed."""
    __tracebackhide__ = True
    facts = (
        decode_fact(EVENTS, message.value) for message in _follow_ups(outcome) if message.topic == EVENTS
    )
    return [fact for fact in facts if isinstance(fact, Event)]


def failure_in(outcome: Outcome) -> Failure:
    """Why the attempt failed: `error` is the name of the exception's class, `message` its text.

    `why` says why it is not retried, and `backtrace` where it was raised, innermost frame first. Raises
    AssertionError when the attempt did not fail.
    """
    __tracebackhide__ = True
    found = _failure(outcome)
    if found is None:
        raise AssertionError(f"the attempt did not fail: {worded(outcome)}")
    return found


def has_failed(outcome: Outcome) -> bool:
    """Whether the attempt failed. One that was discarded or snoozed did not."""
    return _failure(outcome) is not None


def worded(outcome: Outcome) -> str:
    """How the attempt ended, for a person: the error and its backtrace if it failed."""
    match outcome:
        case Succeeded():
            return "it succeeded"
        case Discarded(reason):
            return f"it was discarded: {reason}"
        case Cancelled(by, why):
            return f"it was cancelled by {by}: {why}"
        case Dead(failure):
            return "\n".join((f"it is a dead letter: {failure.why}", *_lines(failure)))
        case Retrying(due, attempt, failure=Failure() as failure):
            return "\n".join((f"it is retried as attempt {attempt} at {due.isoformat()}", *_lines(failure)))
        case Retrying(due):
            return f"it was snoozed until {due.isoformat()}"


def _failure(outcome: Outcome) -> Failure | None:
    return outcome.failure if isinstance(outcome, Retrying | Dead) else None


def _lines(failure: Failure) -> Iterator[str]:
    yield f"  {failure.error}: {failure.message}"
    yield from (f"    {frame}" for frame in failure.backtrace)


def _follow_ups(outcome: Outcome) -> tuple[Message, ...]:
    __tracebackhide__ = True
    if has_failed(outcome):
        raise AssertionError(f"the attempt failed: {worded(outcome)}")
    return outcome.follow_ups if isinstance(outcome, Succeeded) else ()


def _kinds(names: Collection[str]) -> Kinds:
    """The kinds with these names. Two tests may each declare a class of one kind: the later one counts."""
    declared = (kind_of(job_class) for job_class in _subclasses(Job))
    return Kinds([*{kind.name: kind for kind in declared if kind.name in names}.values()])


def _subclasses(job_class: type[Job]) -> Iterator[type[Job]]:
    for each in job_class.__subclasses__():
        yield each
        yield from _subclasses(each)


def _received(message: Message) -> Received:
    return Received(message.topic, 0, 0, message.key, message.value, message.headers, 0)
