"""How quickly dead letters return to their queue, and whether each one does: `python -m bench.studies.redrive`.

Puts dead letters into `jobs.dead`, lets the store read them, and runs `treadle dead retry --all` as a person would. The
time is that of the whole command. Then it accounts for the jobs back in their queue, the dead letters that the audit
names, and the rows of the store.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from bench import log
from bench.alternating import NotMeasured
from bench.children import finish
from bench.environment import JVM
from bench.workers import NoOp
from streams.envelope import seal
from streams.headers import ID, text_of
from streams.job import Queue
from streams.kafka.producer import Producer
from streams.kafka.reader import Reader
from streams.message import Message, Received
from streams.topics import AUDIT, topic_of
from streams.wire.audit import decode_audit
from streams.wire.failure import failure
from streams.wire.jobs import encode_job
from streams.wire.redrive import dead_letter
from treadle.dev.local.stack import Stack

QUEUE = topic_of(Queue.DEFAULT)
_BATCH = 10_000


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.studies.redrive", description=__doc__)
    parser.add_argument("--dead-letters", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="treadle-bench-") as folder:
        stack = Stack(Path(folder) / "stack", jvm=JVM)
        try:
            stack.up(progress=progress)
            settings = {"TREADLE_KAFKA": stack.kafka, "TREADLE_DATABASE": stack.database}
            log.create_topics(stack.kafka)
            treadle(settings, "migrate")
            took = [redrive(settings, options.dead_letters) for _ in range(options.runs)]
            show(options.dead_letters, took)
            account(settings, options.dead_letters * options.runs)
        finally:
            stack.down(delete=True)


def redrive(settings: dict[str, str], count: int) -> tuple[float, float]:
    """Put in this many dead letters and redrive them: seconds to read them into the store, and to send them back."""
    fill(settings["TREADLE_KAFKA"], count)
    began = time.monotonic()
    treadle(settings, "dead", "list", "--json")
    listed = time.monotonic()
    result = json.loads(treadle(settings, "dead", "retry", "--all", "--yes", "--by", "bench", "--json"))
    ended = time.monotonic()
    if result["sent"] != count:
        raise NotMeasured(f"{result['sent']:,} of {count:,} dead letters were sent back: {result}")
    progress(f"{count:,} dead letters: read in {listed - began:.1f} s, sent back in {ended - listed:.1f} s")
    return listed - began, ended - listed


def fill(kafka: str, count: int) -> None:
    """Jobs that died of the same error, each with its own id and arguments."""
    producer = Producer({"bootstrap.servers": kafka})
    for at in range(0, count, _BATCH):
        producer.send(_dead_letter(number) for number in range(at, min(at + _BATCH, count)))
    producer.close()


def _dead_letter(number: int) -> Message:
    job = encode_job(seal(NoOp(number), source=log.SOURCE))
    received = Received(QUEUE, 0, number, job.key, job.value, job.headers, 0)
    error = ConnectionError("the mail server does not answer")
    return dead_letter(received, failure(error, received, datetime.now(UTC), "bench"))


def treadle(settings: dict[str, str], *arguments: str) -> str:
    """Run a command; returns its output."""
    return finish("treadle", [sys.executable, "-m", "treadle.cli.main", *arguments], settings, within=600)


def account(settings: dict[str, str], count: int) -> None:
    """Each dead letter once: in its queue, in the audit, in the store. Raises NotMeasured if that is not so."""
    kafka = {"bootstrap.servers": settings["TREADLE_KAFKA"]}
    jobs = Counter(text_of(message.headers, ID) for message in _all(kafka, QUEUE))
    audited = Counter(
        tuple(position)
        for message in _all(kafka, AUDIT)
        for position in decode_audit(message.value).dead_letters
    )
    with psycopg.connect(settings["TREADLE_DATABASE"]) as db:
        states: dict[str, int] = dict(
            db.execute("SELECT state, count(*) FROM treadle.dead_letters GROUP BY 1").fetchall()
        )
    for what, counted in (("jobs in their queue", jobs), ("dead letters in the audit", audited)):
        once = "each once" if counted.total() == len(counted) else f"REPEATED: {counted.total():,} in total"
        print(f"{what:<25} {len(counted):,}, {once}")
    print(f"rows of the store         {states}")
    if not len(jobs) == jobs.total() == len(audited) == audited.total() == states.get("sent") == count:
        raise NotMeasured(f"the account of {count:,} dead letters does not add up")


def _all(kafka: dict[str, str], topic: str) -> Iterator[Received]:
    with Reader(kafka) as reader:
        for batch in reader.batches(reader.ranges(topic)):
            yield from batch.messages


def show(count: int, took: list[tuple[float, float]]) -> None:
    """Print the figures."""
    read, sent = ([count / seconds for seconds in each] for each in zip(*took, strict=True))
    for what, rates in (("read into the store", read), ("sent back", sent)):
        low, middle, high = min(rates), sorted(rates)[len(rates) // 2], max(rates)
        print(f"{what:<25} {middle:,.0f} a second, median of {len(rates)} ({low:,.0f} to {high:,.0f})")


def progress(text: str) -> None:
    """Print what is being done, on stderr."""
    print(text, file=sys.stderr)


if __name__ == "__main__":
    try:
        main()
    except NotMeasured as reason:
        sys.exit(f"bench: {reason}")
