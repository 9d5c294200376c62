"""`treadle jobs cancel`: a job that waits does not begin; each job ends in one way, however close the race."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import msgspec

from consumers.lifecycle import Batch, Finished
from streams.orders import Order, encode_order
from streams.producer import Producer
from tests.builders.messages import NOW
from tests.line import Line, wait_until


def outcomes(line: Line) -> dict[str, Finished]:
    batches = [msgspec.json.decode(each.value or b"", type=Batch) for each in line.sent("jobs.lifecycle")]
    return {done.job: done for batch in batches for done in batch.finished}


def enqueue(line: Line, count: int, kind: str = "life.say", **args: str) -> list[str]:
    text = (json.dumps({"kind": kind, "args": args}) + "\n") * count
    return line.treadle("enqueue", "-", stdin=text).stdout.split()


def cancel(line: Line, job: str, code: int = 0) -> dict[str, Any]:
    done = line.treadle("jobs", "cancel", job, "--by", "ada", "--why", "a mistake", "--json")
    assert done.returncode == code, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_a_waiting_job_ends_as_cancelled_with_who_and_why(shop: Line) -> None:
    bad, good = enqueue(shop, 2, word="hello")

    answer = cancel(shop, bad)
    consumer = shop.start("consumer", "--queues", "low")
    wait_until(lambda: len(outcomes(shop)) == 2, told="both have ended")

    assert (answer["found"], answer["ordered"]) == ("waiting", True)
    assert shop.end(consumer) == 0
    assert shop.out == ["hello"]
    assert (outcomes(shop)[bad].outcome, outcomes(shop)[bad].reason) == ("cancelled", "by ada: a mistake")
    assert outcomes(shop)[good].outcome == "succeeded"


def test_a_job_that_runs_has_finished_or_nobody_knows_is_told_so(shop: Line) -> None:
    shop.start("consumer", "--queues", "low")
    (running,) = enqueue(shop, 1, kind="life.wait", word="long")
    (done,) = enqueue(shop, 1, word="hello")
    wait_until(lambda: done in outcomes(shop), told="one is done")
    wait_until(lambda: running.encode() in b"".join(m.value or b"" for m in shop.sent("jobs.lifecycle")))

    answers = [cancel(shop, running), cancel(shop, done, code=1), cancel(shop, "of-nobody", code=1)]

    (shop.folder / "go").touch()
    wait_until(lambda: running in outcomes(shop), told="the other is done")
    assert [answer["found"] for answer in answers] == ["running", "already finished", "unknown"]
    assert outcomes(shop)[running].outcome == "succeeded"


def test_a_cancel_that_races_the_start_leaves_each_job_with_one_end(shop: Line) -> None:
    shop.start("consumer", "--queues", "low")
    wait_until(lambda: "partitions_assigned" in shop.log, told="it has partitions")
    jobs = enqueue(shop, 2_000, word="hello")
    producer = Producer({"bootstrap.servers": shop.kafka})

    producer.send([encode_order(job, Order("cancel", job, "ada", NOW)) for job in reversed(jobs)])
    producer.close()
    wait_until(lambda: set(jobs) <= outcomes(shop).keys(), told="all have ended")

    ends = Counter(done.outcome for done in outcomes(shop).values())
    assert ends.keys() <= {"succeeded", "cancelled"}
    assert ends["succeeded"] == len(shop.out)
    assert ends.total() == len(jobs)
