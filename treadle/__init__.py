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
from streams.tick import Tick
from treadle.sending import enqueue, enqueue_many

__all__ = [
    "Context",
    "Discard",
    "Event",
    "GiveUp",
    "Job",
    "Queue",
    "RetryLater",
    "Tick",
    "enqueue",
    "enqueue_many",
    "on_event",
    "on_tick",
    "worker",
]
