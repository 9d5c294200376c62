"""How quickly dead letters go home, and whether each of them did: `python -m bench.redrive`.

Lays dead letters into `jobs.dead`, has the store read them, and runs `treadle dead retry --all` as a person would. The
time is that of the whole command, from its start to its end. Then the account: the jobs that came home, the letters
that the audit names, and the rows of the store.
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
from bench.ground import JVM
from bench.workers import NoOp
from streams.audit import decode_audit
from streams.codec import encode_job
from streams.dead import dead_letter, failure
from streams.envelope import seal
from streams.message import Message, Received
from streams.producer import Producer
from streams.topics import AUDIT
from treadle.local.stack import Stack
from treadle.reading import open_reader, read_batches, spans

HOME = "jobs.default"
_BATCH = 10_000


def main() -> None:
    """Measure, and print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--letters", type=int, default=100_000)
    asked.add_argument("--runs", type=int, default=3)
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="treadle-bench-") as folder:
        stack = Stack(Path(folder) / "stack", jvm=JVM)
        try:
            stack.up(tell=tell)
            settings = {"TREADLE_KAFKA": stack.kafka, "TREADLE_DATABASE": stack.database}
            log.make_topics(stack.kafka)
            treadle(settings, "migrate")
            took = [redrive(settings, options.letters) for _ in range(options.runs)]
            say(options.letters, took)
            account(settings, options.letters * options.runs)
        finally:
            stack.down(delete=True)


def redrive(settings: dict[str, str], letters: int) -> tuple[float, float]:
    """Lay in so many letters and send them home: seconds to read them into the store, and to send them."""
    fill(settings["TREADLE_KAFKA"], letters)
    began = time.monotonic()
    treadle(settings, "dead", "list", "--json")
    listed = time.monotonic()
    told = json.loads(treadle(settings, "dead", "retry", "--all", "--yes", "--by", "bench", "--json"))
    ended = time.monotonic()
    if told["sent"] != letters:
        raise NotMeasured(f"{told['sent']:,} of {letters:,} letters were sent: {told}")
    tell(f"{letters:,} letters: read in {listed - began:.1f} s, sent home in {ended - listed:.1f} s")
    return listed - began, ended - listed


def fill(kafka: str, letters: int) -> None:
    """Jobs that died of the same error, each with arguments and an id of its own."""
    producer = Producer({"bootstrap.servers": kafka})
    for at in range(0, letters, _BATCH):
        producer.send(_letter(number) for number in range(at, min(at + _BATCH, letters)))
    producer.close()


def _letter(number: int) -> Message:
    job = encode_job(seal(NoOp(number), source=log.SOURCE))
    lay = Received(HOME, 0, number, job.key, job.value, job.headers, 0)
    why = failure(ConnectionError("the mail server does not answer"), lay, datetime.now(UTC), "bench")
    return dead_letter(lay, why)


def treadle(settings: dict[str, str], *arguments: str) -> str:
    """Run a command; what it prints."""
    return finish("treadle", [sys.executable, "-m", "treadle.cli.main", *arguments], settings, within=600)


def account(settings: dict[str, str], letters: int) -> None:
    """Every letter once: at home, in the audit, in the store. Raises NotMeasured when one is missing or twice."""
    kafka = {"bootstrap.servers": settings["TREADLE_KAFKA"]}
    home = Counter(dict(m.headers)["ce_id"] for m in _all(kafka, HOME))
    audited = Counter(tuple(place) for m in _all(kafka, AUDIT) for place in decode_audit(m.value).letters)
    with psycopg.connect(settings["TREADLE_DATABASE"]) as db:
        states: dict[str, int] = dict(
            db.execute("SELECT state, count(*) FROM treadle.dead_letters GROUP BY 1").fetchall()
        )
    for what, counted in (("jobs at home", home), ("letters in the audit", audited)):
        print(f"{what:<21} {len(counted):,}, each once: {'yes' if counted.total() == len(counted) else 'NO'}")
    print(f"rows of the store     {states}")
    if not len(home) == home.total() == len(audited) == audited.total() == states.get("sent") == letters:
        raise NotMeasured(f"the account of {letters:,} letters does not add up")


def _all(kafka: dict[str, str], topic: str) -> Iterator[Received]:
    reader = open_reader(kafka)
    try:
        for batch in read_batches(reader, [span for span in spans(reader, topic) if span.begin < span.end]):
            yield from batch.messages
    finally:
        reader.close()


def say(letters: int, took: list[tuple[float, float]]) -> None:
    """The figures."""
    read, sent = ([letters / seconds for seconds in each] for each in zip(*took, strict=True))
    for what, rates in (("read into the store", read), ("sent home", sent)):
        low, middle, high = min(rates), sorted(rates)[len(rates) // 2], max(rates)
        print(f"{what:<21} {middle:,.0f} a second, median of {len(rates)} ({low:,.0f} to {high:,.0f})")


def tell(text: str) -> None:
    """What goes on, for the person who waits."""
    print(text, file=sys.stderr)


if __name__ == "__main__":
    main()
