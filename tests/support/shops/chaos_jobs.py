"""Jobs that print a record each time they are performed; tests copy this file into their own folder.

A record is one line: number and key of the job, process of the consumer, time (epoch seconds), attempt (the first), and
whether a child of the consumer performed it.
"""

import multiprocessing
import os
import time

from treadle import Context, Job, Queue, worker

PARENT = multiprocessing.parent_process()
CONSUMER = PARENT.pid if PARENT is not None else os.getpid()


def record(number: int, key: str = "-") -> None:
    print(number, key, CONSUMER, time.time(), 1, int(PARENT is not None))


class Count(Job, kind="chaos.count", queue=Queue.LOW):
    number: int


@worker(Count)
def count(job: Count, ctx: Context) -> None:
    time.sleep(0.003)
    record(job.number)


class InOrder(Job, kind="chaos.in_order", queue=Queue.LOW, key="{key}"):
    number: int
    key: str


@worker(InOrder, ordered=True)
def in_order(job: InOrder, ctx: Context) -> None:
    time.sleep(0.002 * (job.number % 5))
    record(job.number, job.key)


class PassOn(Job, kind="chaos.pass_on", queue=Queue.LOW):
    number: int


@worker(PassOn)
def pass_on(job: PassOn, ctx: Context) -> None:
    time.sleep(0.003)
    ctx.enqueue(Arrive(number=job.number))
    record(job.number)


class Arrive(Job, kind="chaos.arrive", queue=Queue.DEFAULT):
    number: int


@worker(Arrive)
def arrive(job: Arrive, ctx: Context) -> None:
    pass
