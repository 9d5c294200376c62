"""A span for each attempt, in the trace that its cause began (W3C trace context, OpenTelemetry).

Off unless OTEL_TRACES_EXPORTER names an exporter (`otlp`, `console`). Off or on, `traceparent` is passed from a job to
what follows from it.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from streams.envelope import Envelope
from streams.errors import ConfigError

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

_INSTALL = "pip install 'treadle[traces]'"


def tracer(name: str) -> Tracer | None:
    """A tracer whose spans go to the exporter of this name; None for `none`.

    Raises ConfigError when the exporter is unknown or not installed.
    """
    if name == "none":
        return None
    try:
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise ConfigError(f"OTEL_TRACES_EXPORTER={name} needs the OpenTelemetry SDK: {_INSTALL}") from None
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(_exporter(name)))
    trace.set_tracer_provider(provider)
    return provider.get_tracer("treadle")


@contextmanager
def span(tracer: Tracer, envelope: Envelope) -> Iterator[str]:
    """Record an attempt as a span; yields the `traceparent` for what follows from it."""
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    propagator = TraceContextTextMapPropagator()
    before = propagator.extract({"traceparent": envelope.traceparent} if envelope.traceparent else {})
    attributes = {
        "messaging.system": "kafka",
        "messaging.destination.name": envelope.queue.value,
        "messaging.message.id": envelope.id,
        "treadle.attempt": envelope.attempt,
    }
    with tracer.start_as_current_span(
        f"perform {envelope.kind}", context=before, kind=SpanKind.CONSUMER, attributes=attributes
    ):
        carrier: dict[str, str] = {}
        propagator.inject(carrier)
        yield carrier["traceparent"]


def _exporter(name: str) -> Any:
    if name == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter()
    if name == "otlp":
        try:
            otlp = importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
        except ImportError:
            raise ConfigError(f"OTEL_TRACES_EXPORTER=otlp needs its exporter: {_INSTALL}") from None
        return otlp.OTLPSpanExporter()
    raise ConfigError(f"OTEL_TRACES_EXPORTER={name} is not supported: use otlp, console or none")
