"""The bare loop, as the upper bound: consume, decode, 20 threads, offsets, a commit a second; no product code.

Each thread takes its own batch, decodes it and performs its jobs. Only a batch's first and last offsets are tracked,
nothing is reported about a job, and one that fails would be lost: this is what the language and the client allow, not
something to run.
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
from streams.headers import ATTEMPT, ID, QUEUE, SOURCE, TIME, TYPE
from streams.job import Queue
from streams.topics import topic_of

NAME = "bare loop"
EXPECTED = 200_000
THREADS, BATCH = 20, 500


class Arguments(msgspec.Struct, forbid_unknown_fields=True):
    """The arguments of the no-op job."""

    number: int


class Envelope(msgspec.Struct):
    """What any consumer needs to know about a job."""

    job: Arguments
    id: str
    kind: str
    source: str
    time: datetime
    queue: str
    attempt: int


class Loop:
    """What the threads share. The lock guards positions and batches in flight, by partition."""

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
        self._in_flight: dict[int, set[int]] = {}
        self._position: dict[int, int] = {}

    def serve(self, counting: Counting) -> None:
        """Take batches and perform their jobs, until asked to stop."""
        decode = msgspec.json.Decoder(Arguments).decode
        workers = {"bench.noop": lambda job: counting.one()}
        while not self.stop.is_set():
            with self._lock:  # taken and recorded in one step, or a commit could overtake a batch
                batch: list[Any] = self.consumer.consume(BATCH, timeout=0.1)
                firsts = self._record(batch)
            for message in batch:
                envelope = _read(message, decode)
                workers[envelope.kind](envelope.job)
            with self._lock:
                for partition, first in firsts.items():
                    self._in_flight[partition].discard(first)

    def serve_or_die(self, counting: Counting) -> None:
        """As `serve`; a failure is logged and ends the process, which the others would otherwise wait for."""
        try:
            self.serve(counting)
        except Exception:
            traceback.print_exc()
            os._exit(1)

    def commit(self) -> None:
        """Commit, for each partition, everything before its first batch in flight."""
        with self._lock:
            topic = topic_of(Queue.DEFAULT)
            offsets = [
                TopicPartition(topic, partition, min(self._in_flight[partition], default=position))
                for partition, position in self._position.items()
            ]
        if offsets:
            self.consumer.commit(offsets=offsets, asynchronous=True)

    def _record(self, batch: list[Any]) -> dict[int, int]:
        firsts: dict[int, int] = {}
        for message in batch:
            partition, offset = message.partition(), message.offset()
            firsts.setdefault(partition, offset)
            self._position[partition] = offset + 1
        for partition, first in firsts.items():
            self._in_flight.setdefault(partition, set()).add(first)
        return firsts


def _read(message: Any, decode: Any) -> Envelope:
    headers = dict(message.headers())
    return Envelope(
        decode(message.value()),
        headers[ID].decode(),
        headers[TYPE].decode(),
        headers[SOURCE].decode(),
        datetime.fromisoformat(headers[TIME].decode()),
        headers.get(QUEUE, b"default").decode(),
        int(headers.get(ATTEMPT, b"1")),
    )


def perform(bench: Bench, jobs: int) -> Marks:
    """Fill the same topic with the same jobs, and let the loop perform them."""
    log.fresh(bench.environment.kafka, Queue.DEFAULT)
    log.fill(bench.environment.kafka, map(NoOp, range(jobs)))
    marks = bench.new_file("marks")
    env = {"BENCH_JOBS": str(jobs), "BENCH_MARKS": str(marks)}
    argv = [sys.executable, "-m", "bench.peers.bare_loop", bench.environment.kafka]
    with Child(NAME, argv, env, bench.environment.logs / "bare_loop.log") as child:
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
