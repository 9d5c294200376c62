"""The store of dead letters: rebuilt it is what it was, and a redrive that is killed goes on where it was."""

from __future__ import annotations

import signal
import time
from collections import Counter

import pytest
from sqlalchemy.exc import OperationalError

from consumers.orders import Orders
from streams.audit import decode_audit
from streams.errors import ConfigError, NotDelivered
from streams.message import Message
from streams.producer import Producer
from streams.topics import AUDIT
from tests.support.desk import CLOSE, REPAIR, Desk, letter
from tests.support.line import Line
from tests.support.waiting import wait_until
from treadle.database import engine, opened
from treadle.dead.asked import Chosen, Note
from treadle.dead.choose import claim
from treadle.dead.follow import catch_up
from treadle.dead.send import send_back

NOTE = Note("ada")


@pytest.fixture
def desk(line: Line, fresh_database: str) -> Desk:
    return Desk(line, fresh_database)


def kafka_of(desk: Desk) -> dict[str, str]:
    return {"bootstrap.servers": desk.line.kafka}


def test_rebuilt_it_is_what_it_was(desk: Desk) -> None:
    desk.run("rebuild")  # from the start of the topics, with what other tests have left
    desk.die(CLOSE, CLOSE, REPAIR, CLOSE, ("odd\x00", b"\x00\xff"))
    one, two = [row["letter"] for row in desk.table("--limit", "2", "--kind", "polls.close")]
    desk.run("retry", one)
    desk.run("edit", two, "[43]")
    desk.run("delete", "--kind", "threads.repair", "--yes")
    before = desk.rows()

    desk.run("rebuild")

    assert desk.rows() == before
    assert len(before) >= 5


def test_until_it_is_rebuilt_it_is_what_it_was_and_nobody_claims_letters(desk: Desk) -> None:
    desk.die(CLOSE, CLOSE)
    desk.run("retry", desk.table()[0]["letter"])
    before = desk.rows()

    class Killed(Exception):
        pass

    def look_and_die(read: int) -> None:
        """The letters have been read, and what was done with them has not."""
        assert desk.rows() == before
        with opened(desk.database) as other, other.begin() as db:
            db.exec_driver_sql("SET LOCAL lock_timeout = '50ms'")
            with pytest.raises(OperationalError, match="lock timeout"):
                claim(db, Chosen(), (-1, -1), 10, again=True)
        raise Killed

    with opened(desk.database) as database, pytest.raises(Killed):
        catch_up(database, kafka_of(desk), rebuild=True, told=look_and_die)

    assert desk.rows() == before


def test_the_follower_keeps_it_up_to_date(desk: Desk) -> None:
    follower = desk.line.start("dead-letters", fresh=True)

    desk.die(CLOSE, REPAIR)
    wait_until(lambda: len(desk.rows()) == 2, told="two rows")

    assert desk.line.end(follower) == 0


def test_a_topic_or_a_table_that_is_missing_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("treadle.dead.follow.DEAD", "jobs.dead.of.nobody")
    with opened(desk.database) as database, pytest.raises(ConfigError, match="treadle topics apply"):
        catch_up(database, kafka_of(desk))

    with opened(desk.database) as database, database.begin() as db:
        db.exec_driver_sql("DROP TABLE treadle.dead_letters")

    assert "treadle migrate" in desk.run("list", code=1)


def test_a_batch_that_kafka_refuses_stays_dead(desk: Desk) -> None:
    desk.die(CLOSE, CLOSE)

    class Refusing:
        def send(self, messages: object) -> None:
            raise NotDelivered("no")

        def send_then(self, messages: object, done: object) -> None:
            raise AssertionError

    with opened(desk.database) as database:
        catch_up(database, kafka_of(desk))
        with pytest.raises(NotDelivered):
            list(send_back(database, Refusing(), Chosen(), NOTE, Orders()))

    assert len(desk.table()) == 2


def test_what_was_told_of_before_a_kill_is_not_sent_again(desk: Desk) -> None:
    """The audit is in Kafka, and the process dies before the store says so."""
    desk.die(CLOSE)
    producer = Producer(kafka_of(desk))

    class Killed(Exception):
        pass

    class DiesAfterTheAudit:
        sent = 0

        def send(self, messages: list[Message]) -> None:
            producer.send(messages)
            self.sent += 1
            if self.sent == 2:
                raise Killed

        def send_then(self, messages: object, done: object) -> None:
            raise AssertionError

    with opened(desk.database) as database:
        catch_up(database, kafka_of(desk))
        with pytest.raises(Killed):
            list(send_back(database, DiesAfterTheAudit(), Chosen(), NOTE, Orders()))
    producer.close()
    said = desk.run("retry", "--all", "--yes")

    assert "0 of 0 letters" in said
    assert len(desk.line.sent("jobs.default")) == 1


def test_a_redrive_that_is_killed_goes_on_and_every_letter_is_accounted_for(desk: Desk) -> None:
    many = 20_000
    desk.send(*(letter("polls.close", b"[%d]" % number, LookupError("no")) for number in range(many)))
    database = engine(desk.database, pool_size=1)
    catch_up(database, kafka_of(desk))
    slow = desk.line.begin_command("dead", "retry", "--all", "--yes", "--rate", "2000")
    wait_until(lambda: len(desk.line.sent("jobs.default")) >= 3_000, told="some are sent")
    desk.line.end(slow, signal.SIGKILL)

    producer = Producer(kafka_of(desk))
    catch_up(database, kafka_of(desk))
    began = time.monotonic()
    sent = sum(batch.letters for batch in send_back(database, producer, Chosen(), NOTE, Orders()))
    took = time.monotonic() - began
    producer.close()
    database.dispose()

    counts = Counter(dict(home.headers)["ce_id"] for home in desk.line.sent("jobs.default"))
    audited = [job for message in desk.line.sent(AUDIT) for job in decode_audit(message.value).jobs]
    print(f"{sent:,} letters in {took:.1f} s: {sent / took:,.0f} a second")
    assert len(counts) == len(set(audited)) == len(audited) == many
    assert sum(counts.values()) <= many + 2_000  # at most what was on its way when the process was killed
    assert desk.table("--limit", "1") == []
