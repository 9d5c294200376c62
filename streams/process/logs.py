"""Structured logs on stderr: one line per fact, each with the id and kind of the current job."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any

import structlog

current_job: ContextVar[tuple[str, str] | None] = ContextVar("current_job", default=None)
"""Id and kind of the job that this thread or task performs, for the lines it logs meanwhile."""


def configure(level: str = "info") -> None:
    """Log JSON lines, or colours on a terminal. `level` is debug, info, warning or error."""
    terminal = sys.stderr.isatty()
    structlog.configure(
        processors=[
            _bind_job,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if terminal else [structlog.processors.format_exc_info]),
            structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer(),
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
