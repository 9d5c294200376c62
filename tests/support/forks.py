"""The client of the fork server: has it start commands, and controls each as `subprocess.Popen` would."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from tests.support.fork_server import MODULE, Request, send
from tests.support.planned import ROOT


class Fork:
    """A process that the fork server has started."""

    def __init__(self, arguments: list[str], report: socket.socket) -> None:
        self.args = arguments
        self.returncode: int | None = None
        self._report = report
        self._reported = b""
        self.pid = self._number(60)

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit code. Raises TimeoutExpired after `timeout` seconds."""
        if self.returncode is None:
            try:
                self.returncode = os.waitstatus_to_exitcode(self._number(timeout))
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(self.args, timeout or 0) from None
            self._report.close()
        return self.returncode

    def send_signal(self, sig: int, /) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _number(self, timeout: float | None) -> int:
        """The next number that the server reports, each on a line of its own."""
        self._report.settimeout(timeout)
        while b"\n" not in self._reported:
            more = self._report.recv(64)
            if not more:
                raise ChildProcessError("the fork server has ended, and with it all it had started")
            self._reported += more
        number, _, self._reported = self._reported.partition(b"\n")
        return int(number)


class ForkServer:
    """The fork server's process. What it has started ends with it at the latest."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.fork_server", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._control.close()
        self._process.wait(30)

    def start(
        self,
        arguments: list[str],
        folder: Path,
        environment: Mapping[str, str],
        streams: tuple[int, int, int],
    ) -> Fork:
        """Start this Treadle command with these descriptors as stdin, stdout and stderr."""
        ours, theirs = socket.socketpair()
        with theirs:
            request = Request(arguments, str(folder), dict(environment))
            send(self._control, request, [theirs.fileno(), *streams])
        return Fork([sys.executable, "-m", MODULE, *arguments], ours)
