"""The no-op job for Celery."""

import os

from celery import Celery

from bench.counting import Counting

app = Celery("bench", broker=os.environ["BENCH_REDIS"])
app.conf.task_ignore_result = True
app.conf.broker_connection_retry_on_startup = True
_counting = Counting()


@app.task(name="no_op")
def no_op(number: int) -> None:
    _counting.one()


if __name__ == "__main__":
    for number in range(int(os.environ["BENCH_JOBS"])):
        no_op.delay(number)
