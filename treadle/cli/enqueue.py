"""`treadle enqueue`: one job from the command line, or one per line from standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated

import msgspec
import typer

from streams.envelope import Envelope, seal
from streams.errors import BadMessage
from streams.job import Kinds, Queue
from streams.moments import read_due
from streams.tiers import Tiers
from streams.wire.jobs import encode_job, read_job
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
        str,
        typer.Argument(
            metavar="KIND", help="A kind, a Ruby worker's name, or - to read one job per line from stdin."
        ),
    ],
    args: Annotated[
        str,
        typer.Argument(metavar="ARGS", help="The arguments: a JSON object, or an array in field order."),
    ] = _NO_ARGS,
    queue: Annotated[Queue | None, typer.Option(help="Use this queue instead of the kind's.")] = None,
    key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Use this ordering key instead of the kind's.")
    ] = None,
    delay: Annotated[
        str | None, typer.Option("--in", metavar="DURATION", help="Schedule it: 90s, 5m, 2h, 1d or ISO 8601.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Schedule it: ISO 8601 with its time zone; a past time means now."),
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
    encode_job(envelope)  # refuses a job that is too large before connecting
    _send([envelope], settings.kafka_properties(), tiers)


def _refuse_beside_lines(given: dict[str, str | None]) -> None:
    """With `-` each line has its own options; those of the command would apply to no job."""
    for option, text in given.items():
        if text is not None:
            name = option.removeprefix("--").lower()
            raise typer.BadParameter(f'with -, give it in each line, as "{name}"', param_hint=option)


def _enqueue_lines(kinds: Kinds, kafka: dict[str, str], tiers: Tiers) -> None:
    from streams.kafka.producer import Producer
    from streams.kafka.producer import enqueue as send

    envelopes, sent = _envelopes(kinds), 0
    with closing(Producer(kafka)) as producer:
        try:
            wrong: BadMessage | None = None
            while wrong is None:
                batch, wrong = _batch(envelopes)
                if not batch:
                    break
                for id_ in send(producer, batch, tiers):
                    print(id_)
                sent += len(batch)
            if wrong is not None:
                raise BadMessage(f"{wrong} The {sent:,} jobs before it were enqueued.")
        finally:
            sys.stdout.flush()


def _batch(envelopes: Iterator[Envelope]) -> tuple[list[Envelope], BadMessage | None]:
    batch: list[Envelope] = []
    try:
        for envelope in islice(envelopes, _BATCH):
            batch.append(envelope)
    except BadMessage as error:
        return batch, error
    return batch, None


def _envelopes(kinds: Kinds) -> Iterator[Envelope]:
    """An envelope per line. Raises BadMessage, which names the line."""
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
    from streams.kafka.producer import Producer
    from streams.kafka.producer import enqueue as send

    with closing(Producer(kafka)) as producer:
        print(*send(producer, envelopes, tiers), sep="\n")
