"""The scheduler's own tables: the last moment of each schedule, and a row for each tick."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, MetaData, Table, Text

_metadata = MetaData(schema="treadle")
schedules = Table(
    "schedules",
    _metadata,
    Column("name", Text, primary_key=True),
    Column("last_due_at", DateTime(timezone=True), nullable=False),
)
ticks = Table(
    "ticks",
    _metadata,
    Column("schedule", Text, primary_key=True),
    Column("due_at", DateTime(timezone=True), primary_key=True),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("rung_at", DateTime(timezone=True)),
)
