"""The store of dead letters: a rebuild restores it exactly, and a killed redrive continues where it stopped."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterable

import pytest
from sqlalchemy.exc import OperationalError

from monitor.dead_letters.follow import catch_up
from monitor.dead_letters.redrive import redrive
from monitor.dead_letters.request import Selection
from monitor.dead_letters.select import claim
from monitor.note import Note
from streams.errors import ConfigError, NotDelivered
from streams.kafka.producer import Producer
from streams.message import Message
from streams.overrides.table import Overrides
from streams.topics import AUDIT
from streams.wire.audit import decode_audit
from tests.support.dead_letters import CLOSE, REPAIR, DeadLetters, a_dead_letter
from tests.support.line import Line
from tests.support.waiting import wait_until
from treadle.database import engine, opened

NOTE = Note("ada")


@pytest.fixture
def dead_letters(line: Line, fresh_database: str) -> DeadLetters:
    return DeadLetters(line, fresh_database)


class Killed(Exception):
    """Stands for a kill in a test's own process."""


def test_a_rebuild_restores_the_store_exactly(dead_letters: DeadLetters) -> None:
    dead_letters.run("rebuild")  # from the start of the topics, with what other tests have left
    dead_letters.add(CLOSE, CLOSE, REPAIR, CLOSE, ("odd\x00", b"\x00\xff"))
    one, two = [row["dead_letter"] for row in dead_letters.listed("--limit", "2", "--kind", "polls.close")]
    dead_letters.run("retry", one)
    dead_letters.run("edit", two, "[43]")
    dead_letters.run("delete", "--kind", "threads.repair", "--yes")
    before = dead_letters.rows()

    dead_letters.run("rebuild")

    assert dead_letters.rows() == before
    assert len(before) >= 5


def test_until_a_rebuild_is_complete_nothing_changes_and_no_one_can_claim(dead_letters: DeadLetters) -> None:
    dead_letters.add(CLOSE, CLOSE)
    dead_letters.run("retry", dead_letters.listed()[0]["dead_letter"])
    before = dead_letters.rows()

    def look_and_die(read: int) -> None:
        """The dead letters have been read, and what was done with them has not."""
        assert dead_letters.rows() == before
        with opened(dead_letters.database) as other, other.begin() as db:
            db.exec_driver_sql("SET LOCAL lock_timeout = '50ms'")
            with pytest.raises(OperationalError, match="lock timeout"):
                claim(db, Selection(), (-1, -1), 10, again=True)
        raise Killed

    with opened(dead_letters.database) as database, pytest.raises(Killed):
        catch_up(database, dead_letters.kafka, rebuild=True, progress=look_and_die)

    assert dead_letters.rows() == before


def test_the_follower_keeps_the_store_up_to_date(dead_letters: DeadLetters) -> None:
    follower = dead_letters.line.start("dead-letters", fresh=True)

    dead_letters.add(CLOSE, REPAIR)
    wait_until(lambda: len(dead_letters.rows()) == 2, what="both are in the store")

    assert dead_letters.line.end(follower) == 0


def test_a_missing_topic_or_table_is_reported_with_what_to_do(
    dead_letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.dead_letters.follow.DEAD", "jobs.dead.missing")
    with opened(dead_letters.database) as database, pytest.raises(ConfigError, match="treadle topics apply"):
        catch_up(database, dead_letters.kafka)

    with opened(dead_letters.database) as database, database.begin() as db:
        db.exec_driver_sql("DROP TABLE treadle.dead_letters")

    assert "treadle migrate" in dead_letters.run("list", code=1)


def test_a_batch_that_kafka_refuses_stays_dead(dead_letters: DeadLetters) -> None:
    dead_letters.add(CLOSE, CLOSE)

    class Refusing:
        def send(self, messages: object) -> None:
            raise NotDelivered("no")

        def send_then(self, messages: object, done: object) -> None:
            raise AssertionError

    with opened(dead_letters.database) as database:
        catch_up(database, dead_letters.kafka)
        with pytest.raises(NotDelivered):
            list(redrive(database, Refusing(), Selection(), NOTE, Overrides()))

    assert len(dead_letters.listed()) == 2


def test_what_was_audited_before_a_kill_is_not_sent_again(dead_letters: DeadLetters) -> None:
    """The audit is in Kafka, and the process dies before the store says so."""
    dead_letters.add(CLOSE)
    producer = Producer(dead_letters.kafka)

    class DiesAfterTheAudit:
        sent = 0

        def send(self, messages: Iterable[Message]) -> None:
            producer.send(messages)
            self.sent += 1
            if self.sent == 2:
                raise Killed

        def send_then(self, messages: object, done: object) -> None:
            raise AssertionError

    with opened(dead_letters.database) as database:
        catch_up(database, dead_letters.kafka)
        with pytest.raises(Killed):
            list(redrive(database, DiesAfterTheAudit(), Selection(), NOTE, Overrides()))
    producer.close()
    output = dead_letters.run("retry", "--all", "--yes")

    assert "0 of 0 dead letters" in output
    assert len(dead_letters.sent_back()) == 1


def test_a_killed_redrive_continues_and_every_dead_letter_is_accounted_for(
    dead_letters: DeadLetters,
) -> None:
    many = 20_000
    error = LookupError("no")
    dead_letters.send(*(a_dead_letter("polls.close", b"[%d]" % number, error) for number in range(many)))
    database = engine(dead_letters.database, pool_size=1)
    catch_up(database, dead_letters.kafka)
    slow = dead_letters.line.start_command("dead", "retry", "--all", "--yes", "--rate", "2000")
    wait_until(lambda: len(dead_letters.sent_back()) >= 3_000, what="some have been sent back")
    dead_letters.line.end(slow, signal.SIGKILL)

    producer = Producer(dead_letters.kafka)
    catch_up(database, dead_letters.kafka)
    began = time.monotonic()
    batches = redrive(database, producer, Selection(), NOTE, Overrides())
    sent = sum(batch.dead_letters for batch in batches)
    took = time.monotonic() - began
    producer.close()
    database.dispose()

    counts = Counter(dead_letters.sent_back())
    audited = [job for message in dead_letters.line.sent(AUDIT) for job in decode_audit(message.value).jobs]
    print(f"{sent:,} dead letters in {took:.1f} s: {sent / took:,.0f} per second")
    assert len(counts) == len(set(audited)) == len(audited) == many
    assert counts.total() <= many + 2_000  # at most what was in transit when the process was killed
    assert dead_letters.listed("--limit", "1") == []
