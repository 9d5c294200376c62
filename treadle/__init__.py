"""Treadle: background work as event streams on Apache Kafka. The names for writing jobs of your own.

>>> class Greet(Job, kind="shop.greet", queue=Queue.LOW):
...     name: str
"""

from consumers.context import Context
from consumers.worker import worker
from streams.agent import on_event, on_tick
from streams.errors import Discard, GiveUp, RetryLater
from streams.event import Event
from streams.job import Job, Queue
from streams.policy import NO_RETRIES, Exhausted, Policy, Steps
from streams.tick import Tick
from treadle.client import enqueue, enqueue_many

__all__ = [
    "NO_RETRIES",
    "Context",
    "Discard",
    "Event",
    "Exhausted",
    "GiveUp",
    "Job",
    "Policy",
    "Queue",
    "RetryLater",
    "Steps",
    "Tick",
    "enqueue",
    "enqueue_many",
    "on_event",
    "on_tick",
    "worker",
]
