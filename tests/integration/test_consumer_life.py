"""A consumer process with workers good and bad: order, time limits, crashes, kills and memory."""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from consumers.offsets.encoding import encode
from consumers.offsets.ownership import split
from streams.job import Queue
from tests.support.life import enqueue, reasons
from tests.support.line import Line
from tests.support.started import resident
from tests.support.waiting import wait_until


def test_hundreds_of_async_jobs_are_in_flight_at_the_same_time(shop: Line) -> None:
    enqueue(shop, *(("sleep", {"seconds": 1}) for _ in range(400)))

    consumer = shop.start("consumer", "--queues", "low", "--slots", "1", "--async-limit", "300")
    wait_until(lambda: len(shop.out) == 400, what="all have slept")

    assert shop.end(consumer) == 0
    assert max(int(line.split()[1]) for line in shop.out) == 300
    assert shop.unfinished(Queue.LOW) == 0


def test_jobs_of_one_key_are_performed_in_order_even_by_two_processes(shop: Line) -> None:
    jobs = [("tell", {"about": f"key {n % 20}", "number": n // 20}) for n in range(600)]
    first = shop.start("consumer", "--queues", "low")
    enqueue(shop, *jobs[:300])

    second = shop.start("consumer", "--queues", "low")
    enqueue(shop, *jobs[300:])
    wait_until(lambda: len(set(shop.out)) == 600, what="all are printed")

    assert (shop.end(first), shop.end(second)) == (0, 0)
    for key in range(20):
        numbers = [int(line.rpartition(" ")[2]) for line in shop.out if line.startswith(f"key {key} ")]
        assert numbers == sorted(numbers)


def test_a_busy_key_holds_up_no_other(shop: Line) -> None:
    source = Path(shop.folder, "life_jobs.py")
    source.write_text(source.read_text().replace("@worker(Wait)", "@worker(Wait, ordered=True)"))
    consumer = shop.start("consumer", "--queues", "low", "--slots", "2")

    enqueue(shop, *(("wait", {"word": f"w{n}", "key": "busy"}) for n in range(30)))
    enqueue(shop, ("say", {"word": "free"}))

    wait_until(lambda: {"begun w0", "free"} <= set(shop.out), what="the other key is served")
    assert "begun w1" not in shop.out
    Path(shop.folder, "go").touch()
    wait_until(lambda: "ended w29" in shop.out, what="the busy key is served, too")
    assert shop.end(consumer) == 0


def test_heavy_work_runs_in_other_processes_and_a_crash_there_fails_one_attempt(shop: Line) -> None:
    consumer = shop.start("consumer", "--queues", "low", fresh=True)

    enqueue(shop, ("compute", {}), ("compute", {"how": "crash"}), ("compute", {}))
    wait_until(lambda: len(shop.out) == 2 and len(reasons(shop)) == 1, what="all three have ended")

    assert shop.end(consumer) == 0
    assert all(str(consumer.pid) not in line for line in shop.out)
    assert reasons(shop) == [f"Crashed: the process that performed it ended with exit code {-signal.SIGSEGV}"]
    assert shop.unfinished(Queue.LOW) == 0


def test_time_limits_end_sync_and_async_attempts(shop: Line) -> None:
    consumer = shop.start("consumer", "--queues", "low", "--slots", "4")

    enqueue(shop, ("late", {"how": "listens"}), ("late", {"how": "does not"}), ("late_async", {}))
    wait_until(lambda: len(reasons(shop)) == 2 and shop.out == ["listened"], what="all have ended")
    Path(shop.folder, "go").touch()

    assert [reason.partition(" has")[0] for reason in reasons(shop)] == [
        "TookTooLong: life.late",
        "TookTooLong: life.late_async",
    ]
    assert shop.end(consumer) == 0
    assert shop.unfinished(Queue.LOW) == 0


@pytest.mark.parametrize("habit", ["exit", "base exception", "thread leak", "megabyte", "memory", "stdout"])
def test_a_badly_behaved_worker_hurts_no_other_job(shop: Line, habit: str) -> None:
    consumer = shop.start("consumer", "--queues", "low", "--slots", "2")

    enqueue(shop, ("bad", {"habit": habit}), *(("say", {"word": f"good {n}"}) for n in range(20)))
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0, what="all are finished")

    assert shop.end(consumer) == 0
    performed = Counter(line for line in shop.out if line.startswith("good"))
    assert habit == "stdout" or performed == Counter({f"good {n}": 1 for n in range(20)})


def test_a_killed_process_leaves_an_offset_map_and_only_unfinished_jobs_run_again(shop: Line) -> None:
    consumer = shop.start("consumer", "--queues", "low", "--slots", "4", fresh=True)
    enqueue(shop, ("wait", {"word": "slow"}))
    wait_until(lambda: shop.out == ["begun slow"], what="the slow one has begun")
    keyed = [{"kind": "life.say", "args": {"word": f"quick {n}"}, "key": "k"} for n in range(500)]
    shop.treadle(
        "enqueue", "-", stdin="\n".join(map(json.dumps, keyed))
    )  # behind the slow one, same partition
    wait_until(lambda: len(shop.out) == 501, what="the quick ones are performed")
    wait_until(lambda: shop.unfinished(Queue.LOW) == 501, what="the commit stays at the slow one")
    wait_until(
        lambda: any(split(each)[1] for each in shop.metadata(Queue.LOW)), what="an offset map is committed"
    )

    shop.end(consumer, signal.SIGKILL)
    Path(shop.folder, "go").touch()
    another = shop.start("consumer", "--queues", "low", fresh=True)
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0, what="the rest is finished")

    assert shop.end(another) == 0
    said = Counter(shop.out)
    assert said.pop("begun slow") == 2
    assert said.pop("ended slow") == 1
    repeated = sum(said.values()) - len(said)
    assert len(said) == 500
    assert repeated == 0


def test_a_job_longer_than_the_poll_interval_keeps_its_partition(shop: Line) -> None:
    consumer = shop.start("consumer", "--queues", "low", KAFKA_MAX_POLL_INTERVAL_MS="6000")

    enqueue(shop, ("sleep", {"seconds": 7}), ("wait", {"word": "long"}))
    wait_until(lambda: any("slept" in line for line in shop.out), what="seven seconds are over")
    Path(shop.folder, "go").touch()
    wait_until(lambda: "ended long" in shop.out, what="it has ended")

    assert shop.end(consumer) == 0
    assert sorted(shop.out) == ["begun long", "ended long", "slept 1"]
    assert "partitions_lost" not in shop.log
    assert shop.unfinished(Queue.LOW) == 0


def test_memory_stays_bounded_with_large_messages(shop: Line) -> None:
    consumer = shop.start("consumer", "--queues", "low", "--slots", "2", fresh=True)
    enqueue(shop, *(("wait", {"word": "w", "key": f"k{n}"}) for n in range(2)))
    wait_until(lambda: len(shop.out) == 2, what="both slots are busy")

    enqueue(shop, *(("say", {"word": "x" * 200_000}) for _ in range(600)))  # 120 MB
    sizes: list[int] = []
    wait_until(lambda: settled(sizes, resident(consumer)), what="its memory no longer grows")
    held = max(sizes)
    Path(shop.folder, "go").touch()
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0, what="all are performed")

    assert held < 200 * 1024 * 1024
    assert shop.end(consumer) == 0


def settled(sizes: list[int], now: int) -> bool:
    """Whether the last fifty readings of a size differ by less than a percent."""
    sizes.append(now)
    last = sizes[-50:]
    return len(last) == 50 and max(last) - min(last) < max(last) / 100


def test_jobs_that_reuse_offsets_of_jobs_that_kafka_lost_are_performed(shop: Line) -> None:
    """The last commit marks the fifty jobs above it as finished; then a broker lost them, and new ones were sent."""
    committed = [
        TopicPartition("jobs.low", partition, end, encode(end, end + 51, [end]))
        for (topic, partition), end in shop.begin.items()
        if topic == "jobs.low"
    ]
    member = Consumer({"bootstrap.servers": shop.kafka, "group.id": "treadle.low"})
    assert not any(each.error for each in member.commit(offsets=committed, asynchronous=False) or [])
    member.close()
    enqueue(shop, *(("say", {"word": str(number)}) for number in range(60)))

    consumer = shop.start("consumer", "--queues", "low")
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0, what="all are finished")

    assert shop.end(consumer) == 0
    assert sorted(shop.out, key=int) == [str(number) for number in range(60)]
    assert "partition_truncated" in shop.log
