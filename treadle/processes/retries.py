"""`treadle run retries`: builds the process that serves the retry tiers, and runs it."""

from __future__ import annotations

from consumers.fetching.membership import Membership
from consumers.retries.process import RetriesProcess, RetriesSettings
from streams.process import logs
from streams.process.signals import asked_to_stop
from treadle.settings import Settings


def start_retries(settings: Settings, *, http: str | None) -> None:
    """Serve the retry tiers until asked to stop. Raises TreadleError."""
    logs.configure(settings.log_level)
    kafka, tiers = settings.kafka_properties(), settings.planned_topics().tiers
    retries = RetriesSettings(kafka, tiers, Membership(settings.group), settings.static_member, http)
    RetriesProcess(retries).run(asked_to_stop())
