"""Starts Treadle's commands without their half second of imports: a process that has imported everything, and forks.

    python -m tests.support.fork_server FD

FD is a Unix socket. Each request on it is a length, four descriptors, and JSON (`Request`). The first descriptor is a
socket on which the server reports the pid of the new process, and its wait status when it has ended. When the other
end of FD is closed, the server kills all it has started.

A fork must behave as a fresh interpreter would. It closes what belongs to the server, sets up the standard streams,
environment, folder and signal handlers, runs the module as `-m` does, and ends as an interpreter ends: it waits for
threads, calls `atexit` handlers and prints uncaught exceptions. What it shares with the server: the hash seed, the
command line in the process table, and the memory of imported modules.
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
# What commands import before or while they start. None of these starts a thread, opens a client or declares a job.
IMPORTED = (
    *("alembic.command", "faust", "faust.worker", "opentelemetry.sdk.trace", "psycopg", "sqlalchemy.orm"),
    *("sqlalchemy.dialects.postgresql.psycopg", "uvloop", "rich.table", "multiprocessing.spawn"),
)


@dataclass(frozen=True)
class Request:
    """What to start: arguments of the command, its folder, and its whole environment."""

    arguments: list[str]
    folder: str
    environment: dict[str, str]


def send(control: socket.socket, request: Request, descriptors: list[int]) -> None:
    """Ask for a start. `descriptors`: the socket for reports, and stdin, stdout and stderr."""
    content = json.dumps(asdict(request)).encode()
    socket.send_fds(control, [len(content).to_bytes(LENGTH, "big")], descriptors)
    control.sendall(content)


def receive(control: socket.socket) -> tuple[Request, list[int]] | None:
    """The next request with its descriptors; None when the other end is closed."""
    head, descriptors, _, _ = socket.recv_fds(control, LENGTH, 4)
    if not head:
        return None
    length, content = int.from_bytes(head, "big"), b""
    while len(content) < length:
        more = control.recv(length - len(content))
        if not more:
            return None
        content += more
    return Request(**json.loads(content)), list(descriptors)


class Server:
    """One thread, which answers requests and reaps the processes that have ended."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._running: dict[int, socket.socket] = {}
        # Signals wake the selector through this pair.
        self._awake, self._wake = socket.socketpair()
        for end in (self._awake, self._wake):
            end.setblocking(False)
        # Ctrl-C in the terminal is for the tests, which then close the socket. In a background run SIGINT is already
        # ignored, here and in what is started.
        self._handlers = {signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN)}
        self._handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)

    def serve(self) -> Request | None:
        """Serve until the other end is closed, and return None; in a fork, return the request to carry out."""
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
        """Whether this is the fork, with its descriptors in place."""
        report, *streams = descriptors
        pid = os.fork()
        if pid:
            self._running[pid] = socket.socket(fileno=report)
            for each in streams:
                os.close(each)
            self._report(self._running[pid], pid)
            return False
        signal.set_wakeup_fd(-1)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        for ours in (self._control, self._awake, self._wake, *self._running.values()):
            ours.close()
        os.close(report)
        for number, each in enumerate(streams):
            os.dup2(each, number)
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
                    self._report(report, status)

    def _report(self, report: socket.socket, number: int) -> None:
        with suppress(OSError):  # the test no longer listens
            report.sendall(b"%d\n" % number)

    def _end_all(self) -> None:
        for pid in self._running:
            os.kill(pid, signal.SIGKILL)
        for pid in self._running:
            os.waitpid(pid, 0)


def prepare() -> None:
    """Import what takes long, and check that it started no thread."""
    for name in IMPORTED:
        importlib.import_module(name)
    import tests.support.imports  # noqa: F401 - our own

    # `-m` must import it as if for the first time.
    package, _, module = MODULE.rpartition(".")
    sys.modules.pop(MODULE, None)
    vars(sys.modules[package]).pop(module, None)
    assert threading.active_count() == 1, "a fork would copy locks that other threads hold"
    gc.collect()
    gc.freeze()  # otherwise each fork copies every page at its first collection


def become(request: Request) -> None:
    """Make this process what `-m MODULE` would have started."""
    assert request.environment.get("PYTHONPATH") == os.environ.get("PYTHONPATH"), (
        "only a fresh interpreter reads PYTHONPATH"
    )
    os.environ.clear()
    os.environ.update(request.environment)
    time.tzset()
    os.chdir(request.folder)
    sys.path[0] = request.folder
    importlib.invalidate_caches()
    sys.argv = ["-m", *request.arguments]
    sys.orig_argv = [sys.executable, "-m", MODULE, *request.arguments]
    for number, (name, mode) in enumerate([("stdin", "r"), ("stdout", "w"), ("stderr", "w")]):
        stream = _stream(number, mode, getattr(sys, name))
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    # What `multiprocessing` read at its import, and passes to the processes it starts.
    multiprocessing.process.ORIGINAL_DIR = request.folder  # type: ignore[attr-defined]  # for `spawn` alone
    multiprocessing.current_process().authkey = os.urandom(32)


def _stream(number: int, mode: str, like: Any) -> io.TextIOWrapper:
    """A standard stream as an interpreter creates it, with the encoding of the old one, which is not flushed."""
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
    requested = Server(socket.socket(fileno=int(sys.argv[1]))).serve()
    if requested is not None:
        become(requested)
        runpy.run_module(MODULE, run_name="__main__", alter_sys=True)
