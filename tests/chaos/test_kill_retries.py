"""Consumers and retries processes are killed with -9 while jobs fail and wait: each job ends as its policy says.

The seed is printed; TREADLE_TEST_SEED=… repeats the same moments, as far as the machine allows.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from collections import defaultdict

from streams.job import Queue
from streams.wire.failure import failure_of
from tests.support.line import Line
from tests.support.planned import ROOT
from tests.support.waiting import wait_until

JOBS = 300
KILLS = 6
ATTEMPTS = 3  # what the policy of retry.fail allows


def test_every_job_ends_as_its_policy_says_although_processes_are_killed(line: Line) -> None:
    seed = int(os.environ.get("TREADLE_TEST_SEED", time.time_ns() % 1_000_000))
    print(f"TREADLE_TEST_SEED={seed}")
    chance = random.Random(seed)
    shutil.copy(ROOT / "tests/support/shops/retry_jobs.py", line.folder)
    line.settings["WORKERS"] = "retry_jobs"
    failing = {f"job{number}": chance.randint(0, 4) for number in range(JOBS)}
    commands = {"retries": ["retries"], "consumer": ["consumer", "--queues", "low"]}
    running = {name: line.start(*command, KAFKA_GROUP_INSTANCE_ID=name) for name, command in commands.items()}
    wait_until(lambda: line.log.count("partitions_assigned") >= 2, what="both processes have partitions")

    jobs = [
        {"kind": "retry.fail", "args": {"word": word, "times": times}, "in": f"PT{chance.uniform(0, 4):.3f}S"}
        for word, times in failing.items()
    ]
    enqueued = line.treadle("enqueue", "-", stdin="".join(json.dumps(job) + "\n" for job in jobs))
    assert enqueued.returncode == 0, enqueued.stderr
    words = dict(zip(enqueued.stdout.split(), failing, strict=True))
    killed_while_busy = 0
    for _ in range(KILLS):
        before = len(line.out)
        wait_until(
            lambda: len(line.out) > before or all_have_ended(line, failing),  # noqa: B023
            within=60,
            what="another attempt was made",
        )
        name = chance.choice(["retries", "retries", "consumer"])
        killed_while_busy += not all_have_ended(line, failing)
        line.end(running[name], signal.SIGKILL)
        running[name] = line.start(*commands[name], KAFKA_GROUP_INSTANCE_ID=name)
    wait_until(lambda: all_have_ended(line, failing), within=90, what="every job has ended")
    wait_until(lambda: line.waiting == 0 and line.unfinished(Queue.LOW) == 0, what="no job is waiting")

    assert [line.end(process) for process in running.values()] == [0, 0]
    needed = sum(min(times + 1, ATTEMPTS) for times in failing.values())
    print(
        f"killed while jobs were waiting: {killed_while_busy} of {KILLS}; attempts: {len(line.out)} for {needed}"
    )
    assert killed_while_busy
    for word, times in failing.items():
        assert attempts(line)[word] == set(range(1, min(times + 1, ATTEMPTS) + 1)), word
    dead_letters = line.sent("jobs.dead")
    dead = {words[dict(each.headers)["ce_id"].decode()] for each in dead_letters}
    assert dead == {word for word, times in failing.items() if times >= ATTEMPTS}
    failures = [failure_of(each) for each in dead_letters]
    assert {failure.why for failure in failures if failure} == {"all 2 retries are exhausted"}
    early = [
        message
        for message in line.sent("jobs.low")
        if message.timestamp < int(dict(message.headers).get("treadle_due", b"0"))
    ]
    assert early == []


def attempts(line: Line) -> dict[str, set[int]]:
    """The attempts made at each job."""
    seen = defaultdict(set)
    for record in line.out:
        word, _, attempt = record.partition(" ")
        seen[word].add(int(attempt))
    return seen


def all_have_ended(line: Line, failing: dict[str, int]) -> bool:
    seen = attempts(line)
    return all(min(times + 1, ATTEMPTS) in seen[word] for word, times in failing.items())
