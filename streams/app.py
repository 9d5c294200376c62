"""The Faust application that lets the agents hear events and ticks. The only file that imports Faust.

Faust acknowledges an event whose agent raised, and one that it skips in a rebalance; either could commit
past a fact that nobody has answered. Here a fact is acknowledged by us alone: in order, and only after
Kafka has acknowledged every job that follows from it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import faust
import structlog
from faust.auth import Credentials, SASLCredentials, SSLCredentials
from faust.transport.drivers.aiokafka import Consumer as FaustConsumer

from streams.agent import Agents
from streams.errors import ConfigError, NotDelivered
from streams.message import Received
from streams.producer import Sender
from streams.reactions import reactions
from streams.topics import EVENTS, TICKS

log = structlog.get_logger()

_UNDERSTOOD = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")


class _InOrderConsumer(FaustConsumer):
    """Commits only what was settled by us."""

    def ack(self, message: Any) -> bool:
        """Faust's own acknowledgement: says nothing about the jobs that follow, so it does not count."""
        return False

    def settle(self, message: Any) -> None:
        """Everything that follows from this message is in Kafka."""
        super().ack(message)


def build_app(kafka: Mapping[str, Any], agents: Agents, sender: Sender) -> faust.App:
    """The application; it hears `loomio.events` and `treadle.ticks` when it runs."""
    app = faust.App(
        "treadle.agents",
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
                messages = reactions(agents, _received(event.message), datetime.now(UTC))
                await asyncio.to_thread(sender.send, messages)
            except NotDelivered as error:
                log.error("reaction_not_delivered", error=str(error))
                await app.crash(error)  # unsettled: whoever has the partition next hears the fact again
                return
            cast(_InOrderConsumer, app.consumer).settle(event.message)

    return hear


def _received(message: Any) -> Received:
    headers = message.headers or []
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return Received(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        value=message.value,
        headers=list(pairs),
        timestamp=int(message.timestamp * 1000),
    )


def run_app(app: faust.App) -> None:
    """Run until SIGTERM or SIGINT. Ends the process: with 0, or not 0 when the application crashed."""
    faust.Worker(app, loglevel="WARNING", redirect_stdouts=False, daemon=True).execute_from_commandline()


def credentials(kafka: Mapping[str, Any]) -> Credentials | None:
    """What Faust needs to log in where librdkafka does with these properties; None for a plain connection.

    Understands TLS with `ssl.ca.location` and a client's certificate, and SASL with user name and password
    (PLAIN, SCRAM). Raises ConfigError for what Faust cannot do.
    """
    protocol = str(kafka.get("security.protocol", "PLAINTEXT")).upper()
    if protocol not in _UNDERSTOOD:
        raise ConfigError(f"security.protocol {protocol} is not one of {', '.join(_UNDERSTOOD)}")
    tls = _tls(kafka) if protocol.endswith("SSL") else None
    if protocol.startswith("SASL"):
        mechanism = str(kafka.get("sasl.mechanisms") or kafka.get("sasl.mechanism") or "PLAIN").upper()
        if mechanism not in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"):
            raise ConfigError(
                f"the agents cannot log in with sasl.mechanisms {mechanism}: use PLAIN or SCRAM-SHA-…"
            )
        return SASLCredentials(
            username=kafka.get("sasl.username"),
            password=kafka.get("sasl.password"),
            mechanism=mechanism,
            ssl_context=tls,
        )
    return SSLCredentials(tls) if tls else None


def _tls(kafka: Mapping[str, Any]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=kafka.get("ssl.ca.location"))
        if certificate := kafka.get("ssl.certificate.location"):
            context.load_cert_chain(certificate, kafka.get("ssl.key.location"), kafka.get("ssl.key.password"))
    except OSError as error:
        raise ConfigError(f"the TLS files for Kafka cannot be used: {error}") from error
    return context
