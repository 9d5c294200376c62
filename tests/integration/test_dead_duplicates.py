"""Duplicates: dead letters of one job that a kill leaves behind, alike but for their failure. The job is sent once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import Connection

from monitor.dead_letters import select
from monitor.dead_letters.follow import catch_up
from monitor.dead_letters.redrive import redrive
from monitor.dead_letters.request import Selection
from monitor.dead_letters.row import Row
from monitor.note import Note
from streams.headers import ATTEMPT, DUE, ID, QUEUE, SNOOZES, TYPE
from streams.kafka.producer import Producer
from streams.message import Message
from streams.overrides.table import Overrides
from streams.topics import AUDIT
from streams.wire.audit import decode_audit
from streams.wire.failure import failure
from streams.wire.redrive import dead_letter
from tests.support.builders.messages import a_message
from tests.support.dead_letters import CLOSE, DeadLetters, a_dead_letter
from tests.support.line import Line
from tests.support.waiting import wait_until
from treadle.database import opened

JOBS = 60
ONCE_EACH = Counter({f"job-{number}": 1 for number in range(JOBS)})


@pytest.fixture
def dead_letters(line: Line, fresh_database: str) -> DeadLetters:
    return DeadLetters(line, fresh_database)


def two_each(dead_letters: DeadLetters, jobs: int) -> None:
    """Write two dead letters for each job, to different partitions, in opposite order."""
    pairs = [duplicates(number) for number in range(jobs)]
    dead_letters.send(*(first._replace(partition=0) for first, _ in pairs))
    dead_letters.send(*(second._replace(partition=5) for _, second in reversed(pairs)))


def duplicates(number: int) -> tuple[Message, Message]:
    """Dead letters of one job: performed twice, from two offsets of its queue, and snoozed in between."""
    given = {TYPE: b"polls.close", ID: b"job-%d" % number, QUEUE: b"default", ATTEMPT: b"3"}
    snoozed = {**given, SNOOZES: b"1", DUE: b"17"}
    return _died(number, 0, given), _died(number, 1, snoozed)


def _died(number: int, offset: int, headers: dict[str, bytes]) -> Message:
    value = b"[%d]" % number
    received = a_message(value, topic="jobs.default", key=b"p", offset=offset, headers=headers)
    return dead_letter(received, failure(LookupError(f"no {offset}"), received, datetime.now(UTC)))


def test_two_dead_letters_of_one_job_in_a_batch_send_it_once(dead_letters: DeadLetters) -> None:
    twice = a_dead_letter(*CLOSE, LookupError("killed in between"))
    dead_letters.send(twice, twice)

    output = dead_letters.run("retry", "--all", "--yes")

    assert len(dead_letters.sent_back()) == 1
    assert "2 of 2 dead letters sent back" in output
    assert dead_letters.listed() == []


def test_duplicates_in_other_batches_and_partitions_are_not_sent_again(dead_letters: DeadLetters) -> None:
    two_each(dead_letters, JOBS)

    output = dead_letters.run("retry", "--all", "--yes", "--rate", "50")  # in batches of 50

    assert Counter(dead_letters.sent_back()) == ONCE_EACH
    assert f"{2 * JOBS} of {2 * JOBS} dead letters sent back" in output
    assert f"{JOBS} of them were duplicates: each job was sent once" in output
    assert dead_letters.listed() == []


def test_two_redrives_at_the_same_time_send_each_job_once(
    dead_letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_each(dead_letters, JOBS)

    def send(by: str) -> None:
        producer = Producer(dead_letters.kafka)
        with opened(dead_letters.database) as database:
            list(redrive(database, producer, Selection(), Note(by), Overrides(), rate=JOBS, limit=JOBS))
        producer.close()

    other = threading.Thread(target=send, args=["bea"])
    look = select._duplicates

    def look_while_the_other_waits(db: Connection, batch: Sequence[Row]) -> list[Row]:
        if other.ident is None:
            other.start()
            wait_until(
                lambda: someone_waits(dead_letters) or not other.is_alive(),
                what="the other redrive waits or has ended",
            )
        return look(db, batch)

    with opened(dead_letters.database) as database:
        catch_up(database, dead_letters.kafka)
    monkeypatch.setattr(select, "_duplicates", look_while_the_other_waits)
    send("ada")
    other.join(60)

    audits = [decode_audit(message.value) for message in dead_letters.line.sent(AUDIT)]
    assert Counter(dead_letters.sent_back()) == ONCE_EACH
    assert [(audit.by, len(audit.dead_letters)) for audit in audits] == [("ada", 2 * JOBS)]
    assert dead_letters.listed() == []


def someone_waits(dead_letters: DeadLetters) -> bool:
    """Whether a connection waits for its turn to claim."""
    with psycopg.connect(dead_letters.database) as db:
        waiting = """
            SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database
            WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted
        """
        ((count,),) = db.execute(waiting).fetchall()
    return bool(count)


def test_deleting_a_dead_letter_deletes_its_duplicates(dead_letters: DeadLetters) -> None:
    two_each(dead_letters, 2)
    (mine, *_) = [row for row in dead_letters.listed() if row["job"] == "job-0"]

    output = dead_letters.run("delete", mine["dead_letter"])

    assert "1 dead letter and 1 duplicate deleted" in output
    assert {row["job"] for row in dead_letters.listed()} == {"job-1"}
    assert dead_letters.sent_back() == []
