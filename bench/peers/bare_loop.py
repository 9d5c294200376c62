"""The bare loop, as the limit: consume, decode, 20 threads, offsets, a commit a second; no product code.

Each thread takes a batch for itself, decodes and performs it. Of a batch only its first and last offset
are tracked, of a job nothing is told, and one that fails would be lost: this is what the language and
the client allow, not something to run.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from datetime import datetime
from typing import Any

import msgspec
from confluent_kafka import Consumer, TopicPartition

from bench import log
from bench.bench import Bench, Marks, marks_of
from bench.children import Child
from bench.counting import Counting
from bench.workers import NoOp
from streams.job import Queue
from streams.topics import topic_of

NAME = "bare loop"
EXPECTED = 200_000
THREADS, BATCH = 20, 500


class Arguments(msgspec.Struct, forbid_unknown_fields=True):
    """Of the no-op job."""

    number: int


class Papers(msgspec.Struct):
    """What a consumer needs to know of a job, whatever it does with it."""

    job: Arguments
    id: str
    kind: str
    source: str
    time: datetime
    queue: str
    attempt: int


class Loop:
    """What the threads share. Positions and batches under way, by partition, are kept under the lock."""

    def __init__(self, kafka: str) -> None:
        self.consumer = Consumer(
            {
                "bootstrap.servers": kafka,
                "group.id": "bare",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.queue.backoff.ms": 5,
                "queued.min.messages": 20_000,
                "queued.max.messages.kbytes": 65_536,
            }
        )
        self.consumer.subscribe([topic_of(Queue.DEFAULT)])
        self.stop = threading.Event()
        self._lock = threading.Lock()
        self._under_way: dict[int, set[int]] = {}
        self._position: dict[int, int] = {}

    def serve(self, counting: Counting) -> None:
        """Take batches and perform them, until told to stop."""
        decode = msgspec.json.Decoder(Arguments).decode
        workers = {"bench.noop": lambda job: counting.one()}
        while not self.stop.is_set():
            with self._lock:  # taken and noted in one step, or a commit could pass a batch
                batch: list[Any] = self.consumer.consume(BATCH, timeout=0.1)
                firsts = self._note(batch)
            for message in batch:
                papers = _read(message, decode)
                workers[papers.kind](papers.job)
            with self._lock:
                for partition, first in firsts.items():
                    self._under_way[partition].discard(first)

    def serve_or_die(self, counting: Counting) -> None:
        """As `serve`; a failure is told in the log and ends the process, or everybody would wait for it."""
        try:
            self.serve(counting)
        except Exception:
            traceback.print_exc()
            os._exit(1)

    def commit(self) -> None:
        """Commit, of each partition, what lies below the first batch under way."""
        with self._lock:
            topic = topic_of(Queue.DEFAULT)
            places = [
                TopicPartition(topic, partition, min(self._under_way[partition], default=position))
                for partition, position in self._position.items()
            ]
        if places:
            self.consumer.commit(offsets=places, asynchronous=True)

    def _note(self, batch: list[Any]) -> dict[int, int]:
        firsts: dict[int, int] = {}
        for message in batch:
            partition, offset = message.partition(), message.offset()
            firsts.setdefault(partition, offset)
            self._position[partition] = offset + 1
        for partition, first in firsts.items():
            self._under_way.setdefault(partition, set()).add(first)
        return firsts


def _read(message: Any, decode: Any) -> Papers:
    headers = dict(message.headers())
    return Papers(
        decode(message.value()),
        headers["ce_id"].decode(),
        headers["ce_type"].decode(),
        headers["ce_source"].decode(),
        datetime.fromisoformat(headers["ce_time"].decode()),
        headers.get("treadle_queue", b"default").decode(),
        int(headers.get("treadle_attempt", b"1")),
    )


def perform(bench: Bench, jobs: int) -> Marks:
    """Fill the same topic with the same jobs, and let the loop do them."""
    log.fresh(bench.ground.kafka, Queue.DEFAULT)
    log.fill(bench.ground.kafka, map(NoOp, range(jobs)))
    marks = bench.new_file("marks")
    environment = {"BENCH_JOBS": str(jobs), "BENCH_MARKS": str(marks)}
    argv = [sys.executable, "-m", "bench.peers.bare_loop", bench.ground.kafka]
    with Child(NAME, argv, environment, bench.ground.logs / "bare_loop.log") as child:
        return marks_of(child, marks, jobs, within=120)


def main() -> None:
    """The loop itself, as a process."""
    loop, counting = Loop(sys.argv[1]), Counting()
    signal.signal(signal.SIGTERM, lambda *_: loop.stop.set())
    threads = [threading.Thread(target=loop.serve_or_die, args=(counting,)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    while not loop.stop.wait(1):
        loop.commit()
    for thread in threads:
        thread.join()
    loop.commit()
    loop.consumer.close()
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
