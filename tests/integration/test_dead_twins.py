"""Letters of one job, as a kill leaves them behind: alike but for the papers of their failure. It goes home once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import Connection

from consumers.orders import Orders
from streams.audit import decode_audit
from streams.dead import dead_letter, failure
from streams.message import Message
from streams.producer import Producer
from streams.topics import AUDIT
from tests.support.builders.messages import a_message
from tests.support.desk import Desk
from tests.support.line import Line
from tests.support.waiting import wait_until
from treadle.database import opened
from treadle.dead import choose
from treadle.dead.asked import Chosen, Note
from treadle.dead.follow import catch_up
from treadle.dead.letter import Letter
from treadle.dead.send import send_back

JOBS = 60


@pytest.fixture
def desk(line: Line, fresh_database: str) -> Desk:
    return Desk(line, fresh_database)


def twins(number: int) -> list[Message]:
    """Two letters of one job: performed twice, from two places of its queue, the second put off in between."""
    papers = {"ce_type": b"polls.close", "ce_id": b"job-%d" % number, "treadle_queue": b"default"}
    letters = []
    for time, more in enumerate([{}, {"treadle_later": b"1", "treadle_due": b"17"}]):
        headers = {**papers, "treadle_attempt": b"3", **more}
        came = a_message(b"[%d]" % number, topic="jobs.default", key=b"p", offset=time, headers=headers)
        letters.append(dead_letter(came, failure(LookupError(f"no {time}"), came, datetime.now(UTC))))
    return letters


def homes(desk: Desk) -> Counter[str]:
    return Counter(dict(home.headers)["ce_id"].decode() for home in desk.line.sent("jobs.default"))


ONCE_EACH = Counter({f"job-{number}": 1 for number in range(JOBS)})


def test_twins_in_other_batches_and_partitions_go_along(desk: Desk) -> None:
    first, second = zip(*(twins(number) for number in range(JOBS)), strict=True)
    desk.send(*(letter._replace(partition=0) for letter in first))
    desk.send(*(letter._replace(partition=5) for letter in reversed(second)))

    said = desk.run("retry", "--all", "--yes", "--rate", "50")  # in batches of 50

    assert homes(desk) == ONCE_EACH
    assert f"{2 * JOBS} of {2 * JOBS} letters sent home" in said
    assert f"{JOBS} of them told of a job that another letter told of, too: it went once" in said
    assert desk.table() == []


def test_two_who_send_back_at_once_send_each_job_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = zip(*(twins(number) for number in range(JOBS)), strict=True)
    desk.send(*(letter._replace(partition=0) for letter in first))
    desk.send(*(letter._replace(partition=5) for letter in second))
    kafka = {"bootstrap.servers": desk.line.kafka}

    def send(by: str) -> None:
        producer = Producer(kafka)
        with opened(desk.database) as database:
            list(send_back(database, producer, Chosen(), Note(by), Orders(), rate=JOBS, first=JOBS))
        producer.close()

    other = threading.Thread(target=send, args=["bea"])
    look = choose._twins

    def look_when_the_other_has_come(db: Connection, some: Sequence[Letter]) -> list[Letter]:
        if other.ident is None:
            other.start()
            wait_until(lambda: waits(desk) or not other.is_alive(), told="the other one has done what it can")
        return look(db, some)

    with opened(desk.database) as database:
        catch_up(database, kafka)
    monkeypatch.setattr(choose, "_twins", look_when_the_other_has_come)
    send("ada")
    other.join(60)

    audits = [decode_audit(message.value) for message in desk.line.sent(AUDIT)]
    assert homes(desk) == ONCE_EACH
    assert [(audit.by, len(audit.letters)) for audit in audits] == [("ada", 2 * JOBS)]
    assert desk.table() == []


def waits(desk: Desk) -> bool:
    """Whether somebody waits for a turn at the store."""
    with psycopg.connect(desk.database) as db:
        waiting = """
            SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database
            WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted
        """
        ((count,),) = db.execute(waiting).fetchall()
    return bool(count)


def test_who_deletes_one_letter_of_a_job_deletes_them_all(desk: Desk) -> None:
    first, second = zip(*(twins(number) for number in range(2)), strict=True)
    desk.send(*(letter._replace(partition=0) for letter in first))
    desk.send(*(letter._replace(partition=5) for letter in second))
    (mine, *_) = [row for row in desk.table() if row["job"] == "job-0"]

    said = desk.run("delete", mine["letter"])

    assert "1 letters, and 1 more of the same jobs, deleted" in said
    assert {row["job"] for row in desk.table()} == {"job-1"}
    assert homes(desk) == Counter()
