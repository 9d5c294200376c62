"""The no-op job for Dramatiq."""

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from bench.counting import Counting

dramatiq.set_broker(RedisBroker(url=os.environ["BENCH_REDIS"]))
_counting = Counting()


@dramatiq.actor
def no_op(number: int) -> None:
    _counting.one()


if __name__ == "__main__":
    for number in range(int(os.environ["BENCH_JOBS"])):
        no_op.send(number)
