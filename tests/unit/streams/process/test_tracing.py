"""Traces: what follows from a job belongs to the trace that its cause began."""

from __future__ import annotations

import asyncio
import re

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from consumers.attempt.begun import Begun
from consumers.attempt.outcome import Succeeded
from consumers.attempt.performer import Performer
from consumers.attempt.transactions import NoDatabase
from consumers.context import Context, Services
from consumers.worker import Workers
from streams.errors import ConfigError
from streams.process import tracing
from tests.support.builders.messages import KINDS, Count, Greet, a_message
from treadle.settings import Settings

CAUSE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def traceparent_of_follow_up(performer: Performer) -> bytes | None:
    attempt = performer.begin(a_message(headers={"traceparent": CAUSE}))
    assert isinstance(attempt, Begun)
    if attempt.worker.is_async:
        outcome = asyncio.run(performer.perform_async(attempt))
    else:
        outcome = performer.perform(attempt)
    assert isinstance(outcome, Succeeded)
    return dict(outcome.follow_ups[0].headers).get("traceparent")


def greeting() -> Workers:
    workers = Workers()

    @workers.worker(Greet)
    def greet(job: Greet, ctx: Context) -> None:
        ctx.enqueue(Count(1))

    return workers


def greeting_async() -> Workers:
    workers = Workers()

    @workers.worker(Greet)
    async def greet(job: Greet, ctx: Context) -> None:
        ctx.enqueue(Count(1))

    return workers


def test_without_tracing_the_trace_is_passed_on_unchanged() -> None:
    assert traceparent_of_follow_up(Performer(KINDS, greeting(), Services(NoDatabase()))) == CAUSE


@pytest.mark.parametrize("workers", [greeting(), greeting_async()])
def test_with_tracing_each_attempt_is_a_span_of_the_trace_and_the_parent_of_what_follows(
    workers: Workers,
) -> None:
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    performer = Performer(KINDS, workers, Services(NoDatabase()), tracer=provider.get_tracer("test"))

    passed_on = traceparent_of_follow_up(performer)

    (span,) = spans.get_finished_spans()
    assert span.name == "perform test.greet"
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == "b7ad6b7169203331"
    assert span.attributes is not None
    assert span.attributes["messaging.message.id"] == "id-1"
    own = f"00-0af7651916cd43dd8448eb211c80319c-{span.get_span_context().span_id:016x}-01"  # type: ignore[union-attr]
    assert passed_on == own.encode()


def test_tracing_is_off_by_default() -> None:
    assert Settings().traces == "none"
    assert tracing.tracer("none") is None


def test_an_unknown_exporter_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ConfigError, match=re.escape("pigeon is not supported: use otlp, console or none")):
        tracing.tracer("pigeon")
