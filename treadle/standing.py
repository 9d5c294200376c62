"""The orders that stand now, read from `treadle.orders` by a command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from consumers.orders import Orders
from streams.orders import Order
from streams.topics import ORDERS
from treadle.reading import open_reader, read_batches, spans


def standing_orders(kafka: Mapping[str, Any]) -> Orders:
    """All orders that stand, as every process has them. Raises ConfigError."""
    orders = Orders()
    reader = open_reader(kafka)
    try:
        for batch in read_batches(reader, [span for span in spans(reader, ORDERS) if span.begin < span.end]):
            for received in batch.messages:
                orders.take(received.key, received.value)
    finally:
        reader.close()
    return orders


def order_about(kafka: Mapping[str, Any], job: str) -> Order | None:
    """The order that stands about this job. Raises ConfigError."""
    return standing_orders(kafka).of(job)
