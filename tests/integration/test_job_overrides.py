"""Overriding one job when something intervenes: another person, Ctrl-C, an error, too little time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest

from monitor.jobs import override as overriding
from monitor.jobs.find import Found, Where, find_job
from monitor.jobs.override import JobOverrides
from monitor.note import Note
from streams.errors import TreadleError
from streams.kafka.producer import Producer
from streams.overrides.feed import override_in_force
from streams.overrides.message import forget
from tests.integration.test_jobs_command import a_cancel, enqueue
from tests.support.line import Line
from tests.support.planned import PLANNED, TIERS


@pytest.fixture
def overrides(shop: Line) -> Iterator[JobOverrides]:
    kafka = {"bootstrap.servers": shop.kafka}
    producer = Producer(kafka)
    yield JobOverrides(kafka, PLANNED, producer, timedelta(seconds=10))
    producer.close()


def found_while(do: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on, do this each time a search for a job ends."""

    def find_and_do(*arguments: Any) -> Found:
        found = find_job(*arguments)
        do()
        return found

    monkeypatch.setattr(overriding, "find_job", find_and_do)


def test_a_job_is_not_moved_when_someone_else_cancels_it_meanwhile(
    shop: Line, overrides: JobOverrides, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job,) = enqueue(shop, 1, word="hello", delay="1h")
    found_while(lambda: overrides.sender.send([a_cancel(job)]), monkeypatch)

    answer = overrides.move(job, None, Note("ada"))

    assert not answer.changed
    assert "someone else changed this job meanwhile" in answer.done
    assert [found.action for found in [override_in_force(overrides.kafka, job)] if found] == ["cancel"]
    assert len(shop.sent(*TIERS)) == 1


def test_a_cancel_that_someone_else_withdraws_meanwhile_says_so(
    shop: Line, overrides: JobOverrides, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job,) = enqueue(shop, 1, word="hello", delay="1h")
    found_while(lambda: overrides.sender.send([forget(job)]), monkeypatch)

    answer = overrides.cancel(job, Note("ada"))

    assert (answer.where, answer.changed) == (Where.WAITING, False)


def test_a_cancel_whose_search_fails_or_is_interrupted_changes_nothing(
    shop: Line, overrides: JobOverrides, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job,) = enqueue(shop, 1, word="hello", delay="1h")

    for reason in (KeyboardInterrupt(), TreadleError("Kafka does not answer")):
        monkeypatch.setattr(overriding, "find_job", Mock(side_effect=reason))
        with pytest.raises(type(reason)):
            overrides.cancel(job, Note("ada"))

    assert override_in_force(overrides.kafka, job) is None


def test_a_cancel_that_is_interrupted_while_it_is_sent_changes_nothing(
    shop: Line, overrides: JobOverrides
) -> None:
    class Interrupted:
        """A person presses Ctrl-C while the override is being sent."""

        def __init__(self) -> None:
            self.send = Mock(side_effect=[KeyboardInterrupt, None])

        def send_then(self, messages: object, done: object) -> None:
            raise AssertionError

    (job,) = enqueue(shop, 1, word="hello", delay="1h")
    sender = Interrupted()

    with pytest.raises(KeyboardInterrupt):
        replace(overrides, sender=sender).cancel(job, Note("ada"))

    sent = [call.args[0][0] for call in sender.send.call_args_list]
    overrides.sender.send(sent)  # one after the other: one producer, one partition
    assert [message.value is None for message in sent] == [False, True]
    assert override_in_force(overrides.kafka, job) is None


def test_a_cancel_that_finds_nothing_names_the_cancel_in_force(shop: Line, overrides: JobOverrides) -> None:
    overrides.sender.send([a_cancel("for-tomorrow")])

    answer = overrides.cancel("for-tomorrow", Note("ada"))

    assert (answer.where, answer.changed) == (Where.UNKNOWN, False)
    assert answer.done == "nothing was changed; it was already cancelled by bea"
    assert [found.by for found in [override_in_force(overrides.kafka, "for-tomorrow")] if found] == ["bea"]


def test_a_cancel_whose_search_is_cut_short_changes_nothing_and_says_what_may_have_happened(
    shop: Line, overrides: JobOverrides
) -> None:
    enqueue(shop, 3, word="hello")

    answer = replace(overrides, within=timedelta(seconds=-1)).cancel("unknown-id", Note("ada"))

    assert (answer.where, answer.changed) == (Where.UNKNOWN, False)
    assert "the search was cut short" in answer.detail
    assert "if a consumer took it meanwhile, it was cancelled" in answer.done
    assert override_in_force(overrides.kafka, "unknown-id") is None
