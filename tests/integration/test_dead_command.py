"""`treadle dead`: looked at, sent back, corrected, deleted; on a real Kafka and a real PostgreSQL."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from streams.audit import decode_audit
from streams.dead import FAILURE
from streams.message import Message
from streams.orders import Order, encode_order
from streams.topics import AUDIT, DEAD
from tests.support.builders.messages import NOW
from tests.support.desk import CLOSE, REPAIR, Desk, letter
from tests.support.life import outcomes
from tests.support.line import Line
from tests.support.waiting import wait_until


@pytest.fixture
def desk(line: Line, fresh_database: str) -> Desk:
    return Desk(line, fresh_database)


def test_letters_are_listed_by_filter(desk: Desk) -> None:
    close, repair = desk.die(CLOSE, REPAIR)
    (odd,) = desk.die(("CloseExpiredPollWorker", b"[43]"), error=KeyError("Ada's group"))

    def found(*arguments: str) -> set[str]:
        return {row["job"] for row in desk.table(*arguments)}

    assert found() == {close, repair, odd}
    assert found("--kind", "polls.close") == {close, odd}
    assert found("--error", "KeyError") == {odd}
    assert found("--text", "poll_id") == {close}
    assert found("--text", "ada'S") == {odd}
    assert found("--queue", "low") == set()
    assert found("--since", "1h", "--until", "2200-01-01T00:00:00Z") == {close, repair, odd}
    assert found("--until", "1h") == set()
    assert found(repair, desk.table(close)[0]["letter"]) == {close, repair}
    assert found("--limit", "1") == {odd}


def test_a_long_reason_is_cut_in_the_table_and_whole_in_json(desk: Desk) -> None:
    desk.die(CLOSE, error=LookupError("long " * 30 + "end"))

    (row,) = desk.table()

    assert row["message"] == "long " * 30 + "end"
    assert "…" in desk.run("list")


def test_one_letter_is_shown_with_all_there_is(desk: Desk) -> None:
    (job,) = desk.die(CLOSE, x_foreign=b"\xff\x00")

    (story,) = json.loads(desk.run("show", job, "--json"))
    told = desk.run("show", story["letter"])

    assert story["value"] == '{"poll_id": 42}'
    assert story["headers"]["x_foreign"] == "\\xff\x00"
    assert (story["error"], story["message"]) == ("LookupError", "no such poll")
    assert story["lay_in"] == "jobs.default/2@7"
    assert "no such poll" in told
    assert "is no dead letter" in desk.run("show", "0:999999999", code=1)


def test_a_letter_goes_home_as_it_came(desk: Desk) -> None:
    (job,) = desk.die(CLOSE, x_foreign=b"\xff", treadle_attempt=b"25", treadle_due=b"1", key=b"poll:42")

    said = desk.run("retry", job, "--by", "ada", "--why", "the poll is back")

    (home,) = desk.line.sent("jobs.default")
    headers = dict(home.headers)
    (audit,) = [decode_audit(message.value) for message in desk.line.sent(AUDIT)]
    assert "1 of 1 letters sent home" in said
    assert (home.key, home.value, headers["ce_id"].decode()) == (b"poll:42", CLOSE[1], job)
    assert (headers["x_foreign"], headers["treadle_attempt"], headers["treadle_redrive"]) == (
        b"\xff",
        b"1",
        b"1",
    )
    assert not {FAILURE, "treadle_due"} & set(headers)
    assert (audit.action, audit.by, audit.why, audit.jobs) == ("retry", "ada", "the poll is back", [job])
    assert desk.table() == []
    assert [row["state"] for row in desk.table("--state", "sent")] == ["sent"]


def test_what_died_again_stays_unless_it_is_asked_for(desk: Desk) -> None:
    desk.die(CLOSE, treadle_redrive=b"1")

    first = desk.run("retry", "--all", "--yes")
    second = desk.run("retry", "--all", "--yes", "--again")

    assert "0 of 1 letters sent home" in first
    assert "1 died again after they had been sent back" in first
    assert "1 of 1 letters sent home" in second
    assert [dict(home.headers)["treadle_redrive"] for home in desk.line.sent("jobs.default")] == [b"2"]


def test_a_dry_run_says_how_many_and_which_kinds_and_changes_nothing(desk: Desk) -> None:
    desk.die(CLOSE, CLOSE, REPAIR)

    counted = json.loads(desk.run("retry", "--all", "--dry-run", "--json"))

    assert [(row["letters"], row["kind"]) for row in counted] == [(2, "polls.close"), (1, "threads.repair")]
    assert desk.line.sent("jobs.default", AUDIT) == []
    assert len(desk.table()) == 3


def test_a_filter_is_asked_about_and_nothing_at_all_is_refused(desk: Desk) -> None:
    desk.die(CLOSE)

    refused = desk.run("retry", code=2)
    no = desk.run("delete", "--kind", "polls.close", stdin="n\n", code=1)
    yes = desk.run("delete", "--kind", "polls.close", stdin="y\n")

    assert "--all" in refused
    assert "nothing is done" in no
    assert "Delete 1 letters?" in yes
    assert "1 of 1 letters deleted" in yes
    assert [decode_audit(message.value).action for message in desk.line.sent(AUDIT)] == ["delete"]
    assert desk.table() == []


def test_an_edit_is_checked_against_the_kind(desk: Desk) -> None:
    (job,) = desk.die(("polls.close", b'{"poll_id": "x"}'))

    wrong = desk.run("edit", job, '{"poll": 1}', code=2)
    unknown = desk.run("edit", job, "[1]", "--kind", "polls.clos", code=2)

    assert "unknown field `poll`. It takes: poll_id" in wrong
    assert "did you mean `polls.close`?" in unknown
    assert desk.line.sent("jobs.default", AUDIT) == []
    assert len(desk.table()) == 1


def test_what_is_edited_goes_home_under_its_id(desk: Desk) -> None:
    (job,) = desk.die(("polls.close", b'{"poll_id": "x"}'), treadle_attempt=b"3")

    done = desk.run("edit", job, "[42]", "--queue", "high", "--why", "was a text")

    (home,) = desk.line.sent("jobs.high")
    (audit,) = [decode_audit(message.value) for message in desk.line.sent(AUDIT)]
    assert done == job + "\n"
    assert (home.key, home.value) == (b"poll:42", b'{"poll_id":42}')
    assert dict(home.headers)["treadle_queue"] == b"high"
    assert (audit.action, audit.changed) == ("edit", ["arguments", "key", "queue"])
    assert desk.table() == []


def test_a_letter_without_a_home_is_told_of_and_stays(desk: Desk) -> None:
    desk.send(Message(DEAD, None, b"\x00rubbish", []))

    said = desk.run("retry", "--all", "--yes")
    (row,) = desk.table()
    desk.run("edit", row["letter"], '{"poll_id": 1}', "--kind", "polls.close")

    assert f"1 ({row['letter']}) without a home" in said
    (home,) = desk.line.sent("jobs.default")
    assert dict(home.headers)["ce_source"] == b"/treadle/dead"


def test_a_job_that_two_letters_tell_of_goes_home_once(desk: Desk) -> None:
    twice = letter(*CLOSE, LookupError("killed in between"))
    desk.send(twice, twice)

    said = desk.run("retry", "--all", "--yes")

    assert len(desk.line.sent("jobs.default")) == 1
    assert "2 of 2 letters sent home" in said
    assert desk.table() == []


def test_the_rest_stays_when_the_canary_dies(desk: Desk) -> None:
    line = desk.line
    line.start("consumer", "--queues", "default")
    desk.die(*[("threads.repair", b'{"discussion_id": 4242, "more": 1}')] * 12)

    account = json.loads(desk.run("retry", "--all", "--yes", "--canary", "2", "--json", code=1))

    assert account["sent"] == 2
    assert "did not succeed" in account["stopped"]
    assert len([row for row in desk.table() if not row["sent before"]]) == 10


def test_the_rest_follows_when_the_canary_succeeds(desk: Desk) -> None:
    (desk.line.folder / "fine.py").write_text(FINE)
    desk.line.settings["WORKERS"] = "fine"
    desk.line.start("consumer", "--queues", "low")
    desk.die(*[("fine.fine", b"{}")] * 12, treadle_queue=b"low")

    account = json.loads(desk.run("retry", "--all", "--yes", "--canary", "2", "--json"))

    assert account["sent"] == 12
    assert list(account["canary"].values()) == ["succeeded"] * 2
    wait_until(lambda: len(desk.line.out) == 12, told="all are performed")


FINE = """
from treadle import Context, Job, Queue, worker

class Fine(Job, kind="fine.fine", queue=Queue.LOW):
    pass

@worker(Fine)
def fine(job: Fine, ctx: Context) -> None:
    print("fine")
"""


@pytest.mark.parametrize("way", ["retry", "edit"])
def test_what_cancelled_a_job_while_it_ran_does_not_end_it_when_it_is_sent_back(desk: Desk, way: str) -> None:
    """The order stands for a while after the job has died, and for ever where a process was killed."""
    cancelled, moved = desk.die(CLOSE, CLOSE)
    order = Order("cancel", "o1", "bea", NOW)
    desk.send(encode_order(cancelled, order), encode_order(moved, replace(order, stale=(900,))))

    for job in (cancelled, moved):
        desk.run(way, job, *(["[43]"] if way == "edit" else []))
    desk.line.start("consumer", "--queues", "default")
    wait_until(lambda: {cancelled, moved} <= outcomes(desk.line).keys(), told="both have been performed")

    assert {done.outcome for done in outcomes(desk.line).values()} == {"retrying"}  # there are no polls
