"""Structured logs on stderr: one line per fact, with the id and kind of the job at hand bound to each."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any

import structlog

current_job: ContextVar[tuple[str, str] | None] = ContextVar("current_job", default=None)
"""Id and kind of the job this thread or task performs, for the log lines written meanwhile."""


def configure(level: str = "info") -> None:
    """JSON lines, or colours where a person looks on. `level` is debug, info, warning or error."""
    person = sys.stderr.isatty()
    structlog.configure(
        processors=[
            _bind_job,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if person else [structlog.processors.format_exc_info]),
            structlog.dev.ConsoleRenderer() if person else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def _bind_job(logger: Any, method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if (job := current_job.get()) is not None:
        fields.setdefault("job", job[0])
        fields.setdefault("kind", job[1])
    return fields


def kafka_client() -> dict[str, Any]:
    """Properties that let a Kafka client speak through our log instead of writing to stderr itself."""

    def tell(error: Any) -> None:
        structlog.get_logger().warning("kafka_client", error=error.str())

    return {"log_level": 2, "error_cb": tell}
