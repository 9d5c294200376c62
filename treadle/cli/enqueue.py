"""`treadle enqueue`: one job from the command line, or one a line from standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated

import msgspec
import typer

from streams.codec import encode_job, read_job
from streams.envelope import Envelope, seal
from streams.errors import BadMessage
from streams.job import Kinds, Queue
from streams.later import read_due
from streams.tiers import Tiers
from treadle.catalogue import load_kinds
from treadle.settings import read_settings

SOURCE = "/treadle/cli"
_BATCH = 1_000
_NO_ARGS = "{}"


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """One line of `treadle enqueue -`."""

    kind: str
    args: msgspec.Raw = msgspec.Raw(b"{}")
    queue: Queue | None = None
    key: str | None = None
    delay: str | None = msgspec.field(default=None, name="in")
    at: str | None = None


def enqueue(
    kind: Annotated[
        str, typer.Argument(help="A kind, a Ruby worker's name, or - for a job a line on stdin.")
    ],
    args: Annotated[
        str, typer.Argument(help="The arguments: a JSON object, or an array in field order.")
    ] = _NO_ARGS,
    queue: Annotated[Queue | None, typer.Option(help="Another queue than the kind's.")] = None,
    key: Annotated[str | None, typer.Option(help="Another ordering key than the kind's.")] = None,
    delay: Annotated[
        str | None, typer.Option("--in", metavar="DURATION", help="Later: 90s, 5m, 2h, 1d or ISO 8601.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Later: ISO 8601 with its zone; a past time means now.")
    ] = None,
) -> None:
    """Enqueue jobs and print their ids, once Kafka has acknowledged them.

    treadle enqueue polls.close '{"poll_id": 42}'

    echo '{"kind": "polls.close", "args": {"poll_id": 42}, "in": "5m"}' | treadle enqueue -
    """
    if kind == "-":
        given = {"ARGS": args if args != _NO_ARGS else None, "--queue": queue, "--key": key}
        _refuse_beside_lines({**given, "--in": delay, "--at": at})
    settings = read_settings()
    kinds = load_kinds(settings.workers)
    tiers = settings.planned_topics().tiers
    if kind == "-":
        properties = settings.kafka_properties()
        _enqueue_lines(kinds, properties, tiers)
        return
    job = read_job(kinds, kind, args.encode())[1]
    envelope = seal(job, source=SOURCE, queue=queue, key=key, due=read_due(datetime.now(UTC), delay, at))
    encode_job(envelope)  # what is too large is told before anything is opened
    _send([envelope], settings.kafka_properties(), tiers)


def _refuse_beside_lines(given: dict[str, str | None]) -> None:
    """What holds for one job is said in its line; beside `-` it would hold for none."""
    for option, text in given.items():
        if text is not None:
            name = option.removeprefix("--").lower()
            raise typer.BadParameter(f'with -, each line says it itself, as "{name}"', param_hint=option)


def _enqueue_lines(kinds: Kinds, kafka: dict[str, str], tiers: Tiers) -> None:
    from streams.producer import Producer
    from streams.producer import enqueue as send

    producer = Producer(kafka)
    sent = 0
    try:
        envelopes = _envelopes(kinds)
        wrong: BadMessage | None = None
        while wrong is None:
            batch, wrong = _batch(envelopes)
            if not batch:
                break
            for id_ in send(producer, batch, tiers):
                print(id_)
            sent += len(batch)
        if wrong is not None:
            raise BadMessage(f"{wrong} The {sent:,} jobs before it are enqueued.")
    finally:
        sys.stdout.flush()
        producer.close()


def _batch(envelopes: Iterator[Envelope]) -> tuple[list[Envelope], BadMessage | None]:
    batch: list[Envelope] = []
    try:
        for envelope in islice(envelopes, _BATCH):
            batch.append(envelope)
    except BadMessage as error:
        return batch, error
    return batch, None


def _envelopes(kinds: Kinds) -> Iterator[Envelope]:
    """An envelope a line. Raises BadMessage, which names the line."""
    decoder = msgspec.json.Decoder(Line)
    for number, text in enumerate(sys.stdin.buffer, start=1):
        if not text.strip():
            continue
        try:
            line = decoder.decode(text)
            job = read_job(kinds, line.kind, bytes(line.args))[1]
            due = read_due(datetime.now(UTC), line.delay, line.at)
            envelope = seal(job, source=SOURCE, queue=line.queue, key=line.key, due=due)
            encode_job(envelope)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, BadMessage) as error:
            raise BadMessage(f"line {number}: {str(error).rstrip('.')}.") from error
        yield envelope


def _send(envelopes: list[Envelope], kafka: dict[str, str], tiers: Tiers) -> None:
    from streams.producer import Producer
    from streams.producer import enqueue as send

    producer = Producer(kafka)
    try:
        print(*send(producer, envelopes, tiers), sep="\n")
    finally:
        producer.close()
