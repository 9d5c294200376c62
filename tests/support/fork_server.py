"""Starts commands of treadle's without their half second of imports: a process that has them done, and forks.

    python -m tests.support.fork_server FD

FD is a Unix socket, on which each order is a length, the descriptors that go with it, and JSON (`Order`). What is
started gets a socket of its own to report on: its number first, and when it has ended its wait status. When the other
side of FD is gone, so is everything that was started here.

A fork is to be what a fresh interpreter would be. It leaves all that is the server's, has the streams, environment,
folder and handlers of signals of a beginning, and then runs the module as `-m` does and ends as an interpreter ends:
threads are waited for, `atexit` is called, what nobody caught is printed. What it cannot have of its own: the seed of
hashes, its command line in the process table, and the memory of what is imported here.
"""

from __future__ import annotations

import gc
import importlib
import io
import json
import multiprocessing.process
import os
import runpy
import selectors
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

MODULE = "treadle.cli.main"
LENGTH = 8
# What commands import before or while they begin. None of these has a thread, a client, or something declared.
IMPORTED = (
    *("alembic.command", "faust", "faust.worker", "opentelemetry.sdk.trace", "psycopg", "sqlalchemy.orm"),
    *("sqlalchemy.dialects.postgresql.psycopg", "uvloop", "rich.table", "multiprocessing.spawn"),
)


@dataclass(frozen=True)
class Order:
    """What to start: arguments of the command, its folder, and its whole environment."""

    arguments: list[str]
    folder: str
    environment: dict[str, str]


def send(control: socket.socket, order: Order, descriptors: list[int]) -> None:
    """Ask for a start. `descriptors`: the socket to report on, and stdin, stdout and stderr."""
    content = json.dumps(asdict(order)).encode()
    socket.send_fds(control, [len(content).to_bytes(LENGTH, "big")], descriptors)
    control.sendall(content)


def receive(control: socket.socket) -> tuple[Order, list[int]] | None:
    """The next order with its descriptors; None when nobody will ask any more."""
    head, descriptors, _, _ = socket.recv_fds(control, LENGTH, 4)
    if not head:
        return None
    length, content = int.from_bytes(head, "big"), b""
    while len(content) < length:
        more = control.recv(length - len(content))
        if not more:
            return None
        content += more
    return Order(**json.loads(content)), list(descriptors)


class Server:
    """One thread, which takes orders and collects the dead."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._running: dict[int, socket.socket] = {}
        # A signal wakes the selector by this pair.
        self._awake, self._wake = socket.socketpair()
        for end in (self._awake, self._wake):
            end.setblocking(False)
        # The terminal's Ctrl-C is for the tests, which tell us. A run in the background has it ignored already,
        # and so have those that are started there.
        self._handlers = {signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN)}
        self._handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)

    def serve(self) -> Order | None:
        """Until the end, and None; or, in a fork, the order that it is to carry out."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(self._awake, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._awake:
                        self._collect()
                    elif (received := receive(self._control)) is None:
                        self._end_all()
                        return None
                    elif self._fork(received[1]):
                        selector.close()
                        return received[0]

    def _fork(self, descriptors: list[int]) -> bool:
        """Whether we are the fork; its descriptors are in place then."""
        report, *streams = descriptors
        pid = os.fork()
        if pid:
            self._running[pid] = socket.socket(fileno=report)
            for each in streams:
                os.close(each)
            self._tell(self._running[pid], pid)
            return False
        signal.set_wakeup_fd(-1)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        for ours in (self._control, self._awake, self._wake, *self._running.values()):
            ours.close()
        os.close(report)
        for place, each in enumerate(streams):
            os.dup2(each, place)
            os.close(each)
        return True

    def _collect(self) -> None:
        with suppress(BlockingIOError):
            while self._awake.recv(4096):
                pass
        for pid in list(self._running):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                with self._running.pop(pid) as report:
                    self._tell(report, status)

    def _tell(self, report: socket.socket, number: int) -> None:
        with suppress(OSError):  # nobody is interested any more
            report.sendall(b"%d\n" % number)

    def _end_all(self) -> None:
        for pid in self._running:
            os.kill(pid, signal.SIGKILL)
        for pid in self._running:
            os.waitpid(pid, 0)


def prepare() -> None:
    """Import what takes its time, and see that it started nothing."""
    for name in IMPORTED:
        importlib.import_module(name)
    import tests.support.imports  # noqa: F401 - our own

    # `-m` is to find it as if for the first time.
    package, _, module = MODULE.rpartition(".")
    sys.modules.pop(MODULE, None)
    vars(sys.modules[package]).pop(module, None)
    assert threading.active_count() == 1, "a fork would copy locks in whatever state"
    gc.collect()
    gc.freeze()  # or a fork copies every page at its first collection


def become(order: Order) -> None:
    """Be as an interpreter that has just been started with `-m MODULE`."""
    assert order.environment.get("PYTHONPATH") == os.environ.get("PYTHONPATH"), (
        "it counts at a true start only"
    )
    os.environ.clear()
    os.environ.update(order.environment)
    time.tzset()
    os.chdir(order.folder)
    sys.path[0] = order.folder
    importlib.invalidate_caches()
    sys.argv = ["-m", *order.arguments]
    sys.orig_argv = [sys.executable, "-m", MODULE, *order.arguments]
    for number, (name, mode) in enumerate([("stdin", "r"), ("stdout", "w"), ("stderr", "w")]):
        stream = _stream(number, mode, getattr(sys, name))
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    # What `multiprocessing` noted at its import, and hands to processes that it starts.
    multiprocessing.process.ORIGINAL_DIR = order.folder  # type: ignore[attr-defined]  # for `spawn` alone
    multiprocessing.current_process().authkey = os.urandom(32)


def _stream(number: int, mode: str, like: Any) -> io.TextIOWrapper:
    """A standard stream as an interpreter makes it. The one it had is of the same encoding, and let go unflushed."""
    raw = io.FileIO(number, mode, closefd=False)
    unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
    buffer: Any = io.BufferedReader(raw) if mode == "r" else raw if unbuffered else io.BufferedWriter(raw)
    is_lines = not unbuffered and (number == 2 or os.isatty(number))
    text = io.TextIOWrapper(
        buffer, like.encoding, like.errors, line_buffering=is_lines, write_through=unbuffered
    )
    text.mode = mode  # type: ignore[misc]  # as the interpreter sets it
    return text


if __name__ == "__main__":
    prepare()
    asked = Server(socket.socket(fileno=int(sys.argv[1]))).serve()
    if asked is not None:
        become(asked)
        runpy.run_module(MODULE, run_name="__main__", alter_sys=True)
