"""Treadle: background work as event streams on Apache Kafka. Names for people who write jobs of their own.

>>> class Greet(Job, kind="shop.greet", queue=Queue.LOW):
...     name: str
"""

from consumers.context import Context
from consumers.worker import worker
from streams.agent import on_event, on_tick
from streams.errors import Discard, GiveUp, RetryLater
from streams.event import Event
from streams.job import Job, Queue
from streams.policy import NO_RETRIES, Policy, Steps, UsedUp
from streams.tick import Tick
from treadle.sending import enqueue, enqueue_many

__all__ = [
    "NO_RETRIES",
    "Context",
    "Discard",
    "Event",
    "GiveUp",
    "Job",
    "Policy",
    "Queue",
    "RetryLater",
    "Steps",
    "Tick",
    "UsedUp",
    "enqueue",
    "enqueue_many",
    "on_event",
    "on_tick",
    "worker",
]
