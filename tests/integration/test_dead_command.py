"""`treadle dead`: dead letters are listed, sent back, edited and deleted, on a real Kafka and a real PostgreSQL."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from streams.headers import ATTEMPT, DUE, FAILURE, ID, QUEUE, REDRIVES, SOURCE, by_name
from streams.message import Message
from streams.overrides.message import Override, encode_override
from streams.topics import AUDIT, DEAD
from streams.wire.audit import decode_audit
from tests.support.builders.messages import NOW
from tests.support.dead_letters import CLOSE, REPAIR, DeadLetters
from tests.support.life import outcomes
from tests.support.line import Line
from tests.support.waiting import wait_until


@pytest.fixture
def dead_letters(line: Line, fresh_database: str) -> DeadLetters:
    return DeadLetters(line, fresh_database)


def test_dead_letters_are_listed_by_filter(dead_letters: DeadLetters) -> None:
    close, repair = dead_letters.add(CLOSE, REPAIR)
    (odd,) = dead_letters.add(("CloseExpiredPollWorker", b"[43]"), error=KeyError("Ada's group"))

    def found(*arguments: str) -> set[str]:
        return {row["job"] for row in dead_letters.listed(*arguments)}

    assert found() == {close, repair, odd}
    assert found("--kind", "polls.close") == {close, odd}
    assert found("--error", "KeyError") == {odd}
    assert found("--text", "poll_id") == {close}
    assert found("--text", "ada'S") == {odd}
    assert found("--queue", "low") == set()
    assert found("--since", "1h", "--until", "2200-01-01T00:00:00Z") == {close, repair, odd}
    assert found("--until", "1h") == set()
    assert found(repair, dead_letters.listed(close)[0]["dead_letter"]) == {close, repair}
    assert found("--limit", "1") == {odd}


@pytest.mark.parametrize(
    ("option", "given"),
    [("--since", "yesterday"), ("--until", "2026-01-31T09:00:00"), ("--state", "alive"), ("--kind", "")],
)
def test_an_option_that_cannot_be_read_is_named(line: Line, option: str, given: str) -> None:
    done = line.treadle("dead", "list", option, given)

    assert done.returncode == 2
    assert option in done.stderr


def test_a_long_message_is_cut_in_the_table_and_whole_in_json(dead_letters: DeadLetters) -> None:
    dead_letters.add(CLOSE, error=LookupError("long " * 30 + "end"))

    (row,) = dead_letters.listed()

    assert row["message"] == "long " * 30 + "end"
    assert "…" in dead_letters.run("list")


def test_everything_about_a_dead_letter_is_shown(dead_letters: DeadLetters) -> None:
    (job,) = dead_letters.add(CLOSE, headers={"x_foreign": b"\xff\x00"})

    (story,) = json.loads(dead_letters.run("show", job, "--json"))
    shown = dead_letters.run("show", story["dead_letter"])

    assert story["value"] == '{"poll_id": 42}'
    assert story["headers"]["x_foreign"] == "\\xff\x00"
    assert (story["error"], story["message"]) == ("LookupError", "no such poll")
    assert story["origin"] == "jobs.default/2@7"
    assert "no such poll" in shown
    assert "0:999999999 is neither a dead letter" in dead_letters.run("show", "0:999999999", code=1)


def test_a_job_is_sent_back_as_it_arrived(dead_letters: DeadLetters) -> None:
    given = {ATTEMPT: b"25", DUE: b"1", "x_foreign": b"\xff"}
    (job,) = dead_letters.add(CLOSE, key=b"poll:42", headers=given)

    output = dead_letters.run("retry", job, "--by", "ada", "--why", "the poll is back")

    (sent,) = dead_letters.line.sent("jobs.default")
    headers = by_name(sent.headers)
    (audit,) = [decode_audit(message.value) for message in dead_letters.line.sent(AUDIT)]
    assert "1 of 1 dead letters sent back" in output
    assert (sent.key, sent.value, headers[ID]) == (b"poll:42", CLOSE[1], job.encode())
    assert (headers["x_foreign"], headers[ATTEMPT], headers[REDRIVES]) == (b"\xff", b"1", b"1")
    assert not {FAILURE, DUE} & set(headers)
    assert (audit.action, audit.by, audit.why, audit.jobs) == ("retry", "ada", "the poll is back", [job])
    assert dead_letters.listed() == []
    assert [row["state"] for row in dead_letters.listed("--state", "sent")] == ["sent"]


def test_what_died_again_is_skipped_unless_asked_for(dead_letters: DeadLetters) -> None:
    dead_letters.add(CLOSE, headers={REDRIVES: b"1"})

    first = dead_letters.run("retry", "--all", "--yes")
    second = dead_letters.run("retry", "--all", "--yes", "--again")

    assert "0 of 1 dead letters sent back" in first
    assert "1 skipped, died again after an earlier redrive" in first
    assert "1 of 1 dead letters sent back" in second
    assert [by_name(m.headers)[REDRIVES] for m in dead_letters.line.sent("jobs.default")] == [b"2"]


def test_a_dry_run_counts_by_kind_and_changes_nothing(dead_letters: DeadLetters) -> None:
    dead_letters.add(CLOSE, CLOSE, REPAIR)

    counts = json.loads(dead_letters.run("retry", "--all", "--dry-run", "--json"))

    assert [(row["dead_letters"], row["kind"]) for row in counts] == [
        (2, "polls.close"),
        (1, "threads.repair"),
    ]
    assert dead_letters.line.sent("jobs.default", AUDIT) == []
    assert len(dead_letters.listed()) == 3


def test_a_filter_needs_confirmation_and_a_missing_one_is_refused(dead_letters: DeadLetters) -> None:
    dead_letters.add(CLOSE)

    refused = dead_letters.run("retry", code=2)
    no = dead_letters.run("delete", "--kind", "polls.close", stdin="n\n", code=1)
    yes = dead_letters.run("delete", "--kind", "polls.close", stdin="y\n")

    assert "--all" in refused
    assert "nothing was changed" in no
    assert "Delete 1 dead letter?" in yes
    assert "1 of 1 dead letters deleted" in yes
    assert [decode_audit(message.value).action for message in dead_letters.line.sent(AUDIT)] == ["delete"]
    assert dead_letters.listed() == []


def test_an_edit_is_checked_against_the_kind(dead_letters: DeadLetters) -> None:
    (job,) = dead_letters.add(("polls.close", b'{"poll_id": "x"}'))

    wrong = dead_letters.run("edit", job, '{"poll": 1}', code=2)
    unknown = dead_letters.run("edit", job, "[1]", "--kind", "polls.clos", code=2)

    assert "unknown field `poll`. It takes: poll_id" in wrong
    assert "did you mean `polls.close`?" in unknown
    assert dead_letters.line.sent("jobs.default", AUDIT) == []
    assert len(dead_letters.listed()) == 1


def test_an_edited_job_is_sent_back_under_its_id(dead_letters: DeadLetters) -> None:
    (job,) = dead_letters.add(("polls.close", b'{"poll_id": "x"}'), headers={ATTEMPT: b"3"})

    output = dead_letters.run("edit", job, "[42]", "--queue", "high", "--why", "it was a string")

    (sent,) = dead_letters.line.sent("jobs.high")
    (audit,) = [decode_audit(message.value) for message in dead_letters.line.sent(AUDIT)]
    assert output == job + "\n"
    assert (sent.key, sent.value) == (b"poll:42", b'{"poll_id":42}')
    assert by_name(sent.headers)[QUEUE] == b"high"
    assert (audit.action, audit.changed) == ("edit", ["arguments", "key", "queue"])
    assert dead_letters.listed() == []
    assert "is not dead" in dead_letters.run("edit", job, "[43]", code=1)


def test_a_dead_letter_whose_queue_is_unknown_is_named_and_stays(dead_letters: DeadLetters) -> None:
    dead_letters.send(Message(DEAD, None, b"\x00rubbish", []))

    output = dead_letters.run("retry", "--all", "--yes")
    (row,) = dead_letters.listed()
    dead_letters.run("edit", row["dead_letter"], '{"poll_id": 1}', "--kind", "polls.close")

    assert f"1 ({row['dead_letter']}) skipped, queue unknown" in output
    (sent,) = dead_letters.line.sent("jobs.default")
    assert by_name(sent.headers)[SOURCE] == b"/treadle/dead"


def test_the_rest_stays_when_the_canary_dies(dead_letters: DeadLetters) -> None:
    dead_letters.line.start("consumer", "--queues", "default")
    dead_letters.add(*[("threads.repair", b'{"discussion_id": 4242, "more": 1}')] * 12)

    account = json.loads(dead_letters.run("retry", "--all", "--yes", "--canary", "2", "--json", code=1))

    assert account["sent"] == 2
    assert "did not succeed" in account["stopped"]
    assert len([row for row in dead_letters.listed() if not row["redrives"]]) == 10


def test_the_rest_follows_when_the_canary_succeeds(dead_letters: DeadLetters) -> None:
    line = dead_letters.line
    (line.folder / "fine.py").write_text(FINE)
    line.settings["WORKERS"] = "fine"
    line.start("consumer", "--queues", "low")
    dead_letters.add(*[("fine.fine", b"{}")] * 12, headers={QUEUE: b"low"})

    account = json.loads(dead_letters.run("retry", "--all", "--yes", "--canary", "2", "--json"))

    assert account["sent"] == 12
    assert list(account["canary"].values()) == ["succeeded"] * 2
    wait_until(lambda: len(line.out) == 12, what="all are performed")


FINE = """
from treadle import Context, Job, Queue, worker

class Fine(Job, kind="fine.fine", queue=Queue.LOW):
    pass

@worker(Fine)
def fine(job: Fine, ctx: Context) -> None:
    print("fine")
"""


@pytest.mark.parametrize("way", ["retry", "edit"])
def test_an_override_from_before_its_death_does_not_end_a_job_that_is_sent_back(
    dead_letters: DeadLetters, way: str
) -> None:
    """An override stays in force for a while after its job has died, and for good if a process was killed."""
    line = dead_letters.line
    cancelled, moved = dead_letters.add(CLOSE, CLOSE)
    cancel = Override("cancel", "o1", "bea", NOW)
    dead_letters.send(encode_override(cancelled, cancel))
    dead_letters.send(encode_override(moved, replace(cancel, stale=(900,))))

    for job in (cancelled, moved):
        dead_letters.run(way, job, *(["[43]"] if way == "edit" else []))
    line.start("consumer", "--queues", "default")
    wait_until(lambda: {cancelled, moved} <= outcomes(line).keys(), what="both have been performed")

    assert {done.outcome for done in outcomes(line).values()} == {"retrying"}  # there are no polls
