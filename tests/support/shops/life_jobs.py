"""Jobs of a shop with workers of all sorts, good and bad; tests copy this file into their own folder."""

import asyncio
import os
import signal
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

from treadle import NO_RETRIES, Context, Job, Policy, Queue, Steps, worker


class Say(Job, kind="life.say", queue=Queue.LOW):
    word: str


@worker(Say)
def say(job: Say, ctx: Context) -> None:
    print(job.word)


class Wait(Job, kind="life.wait", queue=Queue.LOW, key="{key}"):
    word: str
    key: str = "k"


@worker(Wait)
def wait(job: Wait, ctx: Context) -> None:
    print("begun", job.word)
    while not Path("go").exists():
        time.sleep(0.01)
    print("ended", job.word)


class Sleep(Job, kind="life.sleep", queue=Queue.LOW):
    seconds: float


at_once = most = 0


@worker(Sleep)
async def sleep(job: Sleep, ctx: Context) -> None:
    global at_once, most
    at_once += 1
    most = max(most, at_once)
    await asyncio.sleep(job.seconds)
    at_once -= 1
    print("slept", most)


class Tell(Job, kind="life.tell", queue=Queue.LOW, key="{about}"):
    about: str
    number: int


@worker(Tell, ordered=True)
def tell(job: Tell, ctx: Context) -> None:
    time.sleep(0.001 * (job.number % 3))
    print(job.about, job.number)


class Compute(Job, kind="life.compute", queue=Queue.LOW, policy=NO_RETRIES):
    how: str = "well"


@worker(Compute, process=True, timeout=timedelta(seconds=20))
def compute(job: Compute, ctx: Context) -> None:
    if job.how == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    ctx.enqueue(Say(word=f"computed in {os.getpid()}"))


class HeavyWait(Job, kind="life.heavy_wait", queue=Queue.LOW, policy=NO_RETRIES):
    pass


@worker(HeavyWait, process=True)
def heavy_wait(job: HeavyWait, ctx: Context) -> None:
    print("begun", os.getpid(), flush=True)
    while not Path("go").exists():
        time.sleep(0.01)
    print("ended", flush=True)


class Late(Job, kind="life.late", queue=Queue.LOW, policy=NO_RETRIES):
    how: str


@worker(Late, timeout=timedelta(milliseconds=200))
def late(job: Late, ctx: Context) -> None:
    while not Path("go").exists():
        if job.how == "listens" and ctx.stopping:
            print("listened")
            return
        time.sleep(0.01)


class LateAsync(Job, kind="life.late_async", queue=Queue.LOW, policy=NO_RETRIES):
    pass


@worker(LateAsync, timeout=timedelta(milliseconds=200))
async def late_async(job: LateAsync, ctx: Context) -> None:
    await asyncio.sleep(600)


class Poison(Job, kind="life.poison", queue=Queue.LOW):
    pass


@worker(Poison)
def poison(job: Poison, ctx: Context) -> None:
    print("poison", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


class PoisonAsync(Job, kind="life.poison_async", queue=Queue.LOW):
    pass


@worker(PoisonAsync)
async def poison_async(job: PoisonAsync, ctx: Context) -> None:
    print("poison", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


SOON = Policy(backoff=Steps((timedelta(milliseconds=100),)))


class HeavyPoison(Job, kind="life.heavy_poison", queue=Queue.LOW, policy=SOON):
    pass


@worker(HeavyPoison, process=True)
def heavy_poison(job: HeavyPoison, ctx: Context) -> None:
    print("poison", flush=True)
    os.kill(os.getpid(), signal.SIGSEGV)


class Bad(Job, kind="life.bad", queue=Queue.LOW, policy=NO_RETRIES):
    habit: str


class Rude(BaseException):
    pass


@worker(Bad)
def bad(job: Bad, ctx: Context) -> None:
    if job.habit == "exit":
        sys.exit(3)
    if job.habit == "base exception":
        raise Rude("not even an Exception")
    if job.habit == "thread leak":
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    if job.habit == "megabyte":
        print("m" * 1_000_000)
    if job.habit == "memory":
        raise MemoryError
    if job.habit == "stdout":
        sys.stdout.close()
