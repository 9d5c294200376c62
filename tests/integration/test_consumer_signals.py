"""What a consumer process does on each signal, and what it serves over HTTP."""

from __future__ import annotations

import json
import re
import signal
import urllib.error
import urllib.request
from pathlib import Path

from streams.job import Queue
from tests.support.life import enqueue
from tests.support.line import Line
from tests.support.waiting import wait_until


def test_a_second_sigterm_ends_the_process_at_once(shop: Line) -> None:
    consumer = shop.start("consumer", "--queues", "low", fresh=True)
    enqueue(shop, ("wait", {"word": "slow"}))
    wait_until(lambda: shop.out == ["begun slow"], what="the slow one has begun")

    consumer.send_signal(signal.SIGTERM)
    wait_until(lambda: "consumer_draining" in shop.log, what="it drains")
    waited = consumer.poll() is None
    consumer.send_signal(signal.SIGTERM)

    assert consumer.wait(5) == 1
    assert waited
    assert shop.unfinished(Queue.LOW) == 1


def test_a_drain_ends_at_its_time_limit(shop: Line) -> None:
    consumer = shop.start("consumer", "--queues", "low", "--drain", "0.5")
    enqueue(shop, ("wait", {"word": "slow"}))
    wait_until(lambda: shop.out == ["begun slow"], what="the slow one has begun")

    assert shop.end(consumer) == 0
    assert "left_incomplete" in shop.log
    assert shop.unfinished(Queue.LOW) == 1


def test_sigtstp_quiets_a_consumer_while_others_go_on_and_sigterm_ends_it(shop: Line) -> None:
    quiet = shop.start("consumer", "--queues", "low")
    wait_until(lambda: "partitions_assigned" in shop.log, what="it has its partitions")

    quiet.send_signal(signal.SIGTSTP)
    wait_until(lambda: "consumer_quiet" in shop.log, what="it is quiet")
    enqueue(shop, ("say", {"word": "hello"}))
    another = shop.start("consumer", "--queues", "low")
    wait_until(lambda: shop.out == ["hello"], what="another has performed it")

    assert quiet.poll() is None
    assert (shop.end(quiet), shop.end(another)) == (0, 0)


def test_sigusr1_prints_every_thread_and_the_jobs_in_flight(shop: Line) -> None:
    consumer = shop.start("consumer", "--queues", "low", fresh=True)
    (job,) = enqueue(shop, ("wait", {"word": "slow"}))
    wait_until(lambda: shop.out == ["begun slow"], what="the slow one has begun")

    consumer.send_signal(signal.SIGUSR1)
    wait_until(lambda: "1 jobs in flight" in shop.log, what="it is printed")
    Path(shop.folder, "go").touch()

    assert shop.end(consumer) == 0
    assert re.search(rf"life\.wait {job} attempt 1  jobs\.low/\d+@\d+  for", shop.log)
    assert "life_jobs.py" in shop.log


def test_health_and_metrics_are_served_over_http(shop: Line) -> None:
    consumer = shop.start("consumer", "--queues", "low", "--http", "127.0.0.1:0")
    wait_until(lambda: '"http": "127' in shop.log, what="it answers")
    address = json.loads(next(line for line in shop.log.splitlines() if '"http"' in line))["http"]

    def ask(path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://{address}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    wait_until(lambda: ask("/readyz")[0] == 200, what="it is ready")
    enqueue(shop, ("say", {"word": "hello"}), ("bad", {"habit": "exit"}))
    wait_until(lambda: 'kind="life.bad",outcome="dead"' in ask("/metrics")[1], what="both are counted")
    metrics = ask("/metrics")[1]

    assert ask("/livez")[0] == 200
    assert ask("/elsewhere")[0] == 404
    assert 'treadle_jobs_finished_total{kind="life.say",outcome="succeeded",queue="low"} 1.0' in metrics
    assert 'treadle_job_seconds_count{kind="life.say",outcome="succeeded",queue="low"} 1.0' in metrics
    assert 'treadle_partitions{queue="low"} 12.0' in metrics
    assert shop.end(consumer) == 0
