"""`treadle enqueue`, and what it says when it is used wrongly."""

import json

import pytest

from tests.support.line import Line


def lines(*jobs: object) -> str:
    return "".join(json.dumps(job) + "\n" for job in jobs)


def test_a_job_is_enqueued_and_its_id_printed(line: Line) -> None:
    done = line.treadle("enqueue", "polls.close", '{"poll_id": 42}', fresh=True)

    (message,) = line.sent("jobs.default")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == dict(message.headers)["ce_id"].decode() + "\n"
    assert (message.key, message.value) == (b"poll:42", b'{"poll_id":42}')


def test_queue_and_key_can_be_chosen_and_arguments_can_be_an_array(line: Line) -> None:
    done = line.treadle("enqueue", "CloseExpiredPollWorker", "[42]", "--queue", "high", "--key", "room:1")

    (message,) = line.sent("jobs.high")
    assert done.returncode == 0
    assert (message.key, message.value) == (b"room:1", b'{"poll_id":42}')
    assert dict(message.headers)["ce_type"] == b"polls.close"


def test_jobs_are_read_line_by_line_and_their_ids_are_printed_in_the_same_order(line: Line) -> None:
    jobs: list[object] = [{"kind": "polls.close", "args": {"poll_id": number}} for number in range(2_500)]
    jobs.append({"kind": "threads.repair", "args": [7], "queue": "mailers", "key": "k"})

    done = line.treadle("enqueue", "-", stdin="\n" + lines(*jobs))

    sent = {dict(message.headers)["ce_id"].decode(): message for message in line.sent("jobs.default")}
    ids = done.stdout.split()
    assert done.returncode == 0, done.stderr
    assert [sent[id_].value for id_ in ids[:2_500]] == [b'{"poll_id":%d}' % n for n in range(2_500)]
    (moved,) = line.sent("jobs.mailers")
    assert dict(moved.headers)["ce_id"].decode() == ids[2_500]
    assert (moved.key, moved.value) == (b"k", b'{"discussion_id":7}')


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (b'{"kind": "polls.close", "args": {"pol_id": 3}}', "unknown field `pol_id`. It takes: poll_id"),
        (b'{"kind": "polls.clos"}', "no job kind is called `polls.clos`: did you mean `polls.close`?"),
        (b'{"kind": "\xff"}', "utf-8"),
    ],
)
def test_a_bad_line_is_named_with_what_was_sent_before_it(line: Line, bad: bytes, problem: str) -> None:
    good = b'{"kind": "polls.close", "args": [1]}'

    done = line.treadle("enqueue", "-", stdin=b"\n".join([good, b"", good, bad, good]))

    assert done.returncode == 2
    assert done.stderr.startswith("treadle: line 4: ")
    assert problem in done.stderr
    assert done.stderr.endswith("The 2 jobs before it were enqueued.\n")
    assert len(done.stdout.split()) == len(line.sent("jobs.default")) == 2


def test_an_unreachable_kafka_is_reported_in_one_clear_line(line: Line) -> None:
    done = line.treadle(
        "enqueue",
        "polls.close",
        "[1]",
        KAFKA="127.0.0.1:1",
        KAFKA_DELIVERY_TIMEOUT_MS="1500",
        KAFKA_SOCKET_TIMEOUT_MS="1000",
    )

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(
        "treadle: Kafka did not accept a message for jobs.default: no answer in time"
    )
    assert "Is Kafka up, and is TREADLE_KAFKA right?" in done.stderr
    assert done.stdout == ""
