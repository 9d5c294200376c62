"""The Faust application through which the agents hear events and ticks.

Faust also acknowledges an event whose agent raised, and one that it skips in a rebalance; either could commit past a
fact that was never answered. So only we acknowledge facts: one after the other, and only after Kafka has acknowledged
every job that follows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import faust
import structlog
from faust.transport.drivers.aiokafka import Consumer as FaustConsumer

from streams.agent import Agents
from streams.errors import NotDelivered
from streams.faust.credentials import credentials
from streams.faust.reactions import reactions
from streams.kafka.client import AGENTS, group_named, received_by_faust
from streams.kafka.producer import Sender
from streams.topics import EVENTS, TICKS

log = structlog.get_logger()


class _InOrderConsumer(FaustConsumer):
    """Commits only what we have settled."""

    def ack(self, message: Any) -> bool:
        """Faust's own acknowledgement does not count: it says nothing about the jobs that follow."""
        return False

    def settle(self, message: Any) -> None:
        """Everything that follows from this message is in Kafka."""
        super().ack(message)


def build_app(kafka: Mapping[str, Any], agents: Agents, sender: Sender) -> faust.App:
    """The application; when run, it hears `loomio.events` and `treadle.ticks`."""
    app = faust.App(
        group_named(AGENTS),
        broker=f"kafka://{kafka['bootstrap.servers']}".replace(",", ";kafka://"),
        broker_credentials=credentials(kafka),
        store="memory://",
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        broker_commit_interval=0.5,
        broker_session_timeout=10.0,
        broker_heartbeat_interval=1.0,
        consumer_auto_offset_reset="earliest",
        key_serializer="raw",
        value_serializer="raw",
    )
    app.transport.Consumer = _InOrderConsumer  # type: ignore[misc]  # ours, for this app alone
    for topic in (EVENTS, TICKS):
        app.agent(app.topic(topic, key_type=bytes, value_type=bytes), name=f"hear.{topic}")(
            _hearing(app, agents, sender)
        )
    return app


def _hearing(app: faust.App, agents: Agents, sender: Sender) -> Any:
    async def hear(stream: Any) -> None:
        async for event in stream.noack().events():
            try:
                messages = reactions(agents, received_by_faust(event.message), datetime.now(UTC))
                await asyncio.to_thread(sender.send, messages)
            except NotDelivered as error:
                log.error("reaction_not_delivered", error=str(error))
                await app.crash(error)  # not settled: the partition's next owner hears the fact again
                return
            cast(_InOrderConsumer, app.consumer).settle(event.message)

    return hear


def run_app(app: faust.App) -> None:
    """Run until SIGTERM or SIGINT, then end the process: with 0, or another code when the application crashed."""
    worker = faust.Worker(app, quiet=True, loglevel="WARNING", redirect_stdouts=False, daemon=True)
    worker.spinner = None  # it would write into the lines that jobs print, where processes share their stdout
    worker.execute_from_commandline()
