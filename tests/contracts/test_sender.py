"""What every Sender promises: the producer on a real Kafka, and the fake that stands in for it."""

from __future__ import annotations

import threading

import pytest

from streams.errors import NotDelivered
from streams.kafka.producer import enqueue
from streams.message import Message
from tests.contracts.conftest import Log
from tests.support.builders.messages import Greet, an_envelope
from tests.support.waiting import wait_until


def a_message(log: Log, value: bytes, key: bytes | None = None) -> Message:
    return Message(log.topic, key, value, [("x", b"\x00\xff"), ("x", b"again")])


def test_what_is_acknowledged_can_be_read(log: Log) -> None:
    sent = [a_message(log, b"one", b"k"), Message(log.topic, None, None, [])]

    log.sender.send(sent)

    found = log.read()
    assert len(found) == 2
    assert all(message in found for message in sent)


def test_nothing_to_send_is_done_at_once(log: Log) -> None:
    reports: list[NotDelivered | None] = []

    log.sender.send([])
    log.sender.send_then([], reports.append)

    assert reports == [None] or wait_for(reports) == [None]
    assert log.read() == []


def test_messages_of_one_key_stay_in_order(log: Log) -> None:
    sent = [a_message(log, b"%d" % number, b"key-%d" % (number % 4)) for number in range(400)]

    log.sender.send(sent[:200])
    log.sender.send(sent[200:])

    found = log.read()
    for key in (b"key-0", b"key-1", b"key-2", b"key-3"):
        assert [m.value for m in found if m.key == key] == [m.value for m in sent if m.key == key]


def test_many_are_sent_with_one_wait(log: Log) -> None:
    acknowledged = threading.Event()
    reports: list[NotDelivered | None] = []

    def done(failure: NotDelivered | None) -> None:
        reports.append(failure)
        acknowledged.set()

    log.sender.send_then([a_message(log, b"%d" % number) for number in range(5_000)], done)

    assert acknowledged.wait(20)
    assert {m.value for m in log.read()} == {b"%d" % number for number in range(5_000)}
    assert reports == [None]


def test_many_threads_may_send_at_the_same_time(log: Log) -> None:
    def send(name: int) -> None:
        for number in range(20):
            log.sender.send([a_message(log, b"%d-%d" % (name, number))])

    threads = [threading.Thread(target=send, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len({m.value for m in log.read()}) == 120


def test_a_message_that_is_refused_is_reported_with_its_topic(log: Log) -> None:
    with pytest.raises(NotDelivered, match=f"did not accept a message for {log.missing}"):
        log.sender.send([Message(log.missing, None, b"x", [])])


def test_a_failure_among_many_is_reported_once_and_the_others_are_sent(log: Log) -> None:
    acknowledged = threading.Event()
    reports: list[NotDelivered | None] = []

    def done(failure: NotDelivered | None) -> None:
        reports.append(failure)
        acknowledged.set()

    lost = [Message(log.missing, None, b"x", [])] * 2
    log.sender.send_then([a_message(log, b"1"), *lost, a_message(log, b"2")], done)

    assert acknowledged.wait(20)
    assert [type(failure) for failure in reports] == [NotDelivered]
    assert {m.value for m in log.read()} == {b"1", b"2"}


def test_a_sender_goes_on_after_a_failure(log: Log) -> None:
    with pytest.raises(NotDelivered):
        log.sender.send([Message(log.missing, None, b"x", [])])

    log.sender.send([a_message(log, b"after")])

    assert [m.value for m in log.read()] == [b"after"]


def test_ids_come_back_in_the_order_of_the_jobs(log: Log) -> None:
    envelopes = [an_envelope(Greet(str(number)), id=f"id-{number}") for number in range(3)]

    class Here:
        """Sends what is for `jobs.low` to this test's own topic."""

        def send(self, messages: list[Message]) -> None:
            log.sender.send([message._replace(topic=log.topic) for message in messages])

    ids = enqueue(Here(), envelopes)  # type: ignore[arg-type]  # only `send` is called

    assert ids == ["id-0", "id-1", "id-2"]
    assert {m.value for m in log.read()} == {b'{"name":"0"}', b'{"name":"1"}', b'{"name":"2"}'}


def wait_for(reports: list[NotDelivered | None]) -> list[NotDelivered | None]:
    wait_until(lambda: reports, what="done has been called")
    return reports
