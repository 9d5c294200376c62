"""What our Kafka clients share: their log, their errors, the names of groups, and how a message is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from confluent_kafka import KafkaException

from streams.errors import ConfigError
from streams.headers import HEADERS_LOST
from streams.message import Received


def group_named(name: str) -> str:
    """The consumer group for a queue's name, or for "retries" and "agents"."""
    return f"treadle.{name}"


RETRIES = "retries"
AGENTS = "agents"


def missing(topic: str) -> ConfigError:
    """The error for a topic that does not exist."""
    return ConfigError(f"topic {topic} does not exist: `treadle topics apply` creates it")


def no_answer(error: KafkaException) -> ConfigError:
    """The error for a Kafka that does not answer."""
    return ConfigError(f"Kafka does not answer: {error.args[0].str()}. `treadle check` looks for the cause")


def through_our_log() -> dict[str, Any]:
    """Properties that make a client write to our log instead of stderr."""

    def warn(error: Any) -> None:
        structlog.get_logger().warning("kafka_client", error=error.str())

    return {"log_level": 2, "error_cb": warn}


def received(message: Any) -> Received:
    """Convert the client's message, whose methods are typed for messages that carry an error, too.

    The client returns none of a message's headers if the name of one is not UTF-8. Such a message gets a single header
    that says so, and cannot be decoded.
    """
    try:
        headers = message.headers() or []
    except SystemError as error:
        headers = [(HEADERS_LOST, str(error.__cause__).encode())]
    return Received(
        message.topic(),
        message.partition(),
        message.offset(),
        message.key(),
        message.value(),
        headers,
        message.timestamp()[1],
    )


def received_by_faust(message: Any) -> Received:
    """The same for a message as Faust has it, from another client: headers come as pairs or as a mapping."""
    headers = message.headers or []
    return Received(
        message.topic,
        message.partition,
        message.offset,
        message.key,
        message.value,
        list(headers.items() if isinstance(headers, Mapping) else headers),
        int(message.timestamp * 1000),
    )
