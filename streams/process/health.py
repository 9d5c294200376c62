"""Liveness by progress, readiness, and metrics, over HTTP."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from streams.errors import ConfigError


@dataclass(frozen=True)
class Pulse:
    """The state of a process at one moment. `free` is how many more jobs it could have in flight."""

    ready: bool
    waiting: int
    in_flight: int
    free: int
    started: int


@dataclass
class Progress:
    """Whether a process makes progress: it does not if jobs wait, it has room, and for a while none has started.

    Being alive proves nothing: a deadlocked process is alive, too.
    """

    patience: float = 30.0
    _started: int = -1
    _since: float = 0.0

    def alive(self, pulse: Pulse, now: float) -> bool:
        """Check again. `now` is in seconds, on a monotonic clock."""
        if pulse.started != self._started or pulse.waiting == 0 or pulse.free <= 0:
            self._started, self._since = pulse.started, now
        return now - self._since < self.patience


class HealthServer:
    """Serves /livez, /readyz and /metrics on `host:port`. Raises ConfigError when the port is taken."""

    def __init__(
        self, address: str, pulse: Callable[[], Pulse], update_metrics: Callable[[Pulse], None]
    ) -> None:
        host, _, port = address.rpartition(":")
        progress = Progress()
        checking = threading.Lock()

        def answer(path: str) -> tuple[int, str, bytes]:
            now = pulse()
            if path == "/metrics":
                update_metrics(now)
                return 200, CONTENT_TYPE_LATEST, generate_latest()
            if path == "/livez":
                with checking:
                    good = progress.alive(now, time.monotonic())
            elif path == "/readyz":
                good = now.ready
            else:
                return 404, "text/plain", b"try /livez, /readyz or /metrics\n"
            return 200 if good else 503, "application/json", json.dumps(now.__dict__).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, kind, body = answer(self.path)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Nothing: probes arrive every few seconds."""

        try:
            self._server = ThreadingHTTPServer((host or "127.0.0.1", int(port)), Handler)
        except (OSError, ValueError, OverflowError) as error:
            raise ConfigError(f"cannot serve HTTP on {address}: {error}. Write it as host:port") from error
        self.address = "{}:{}".format(*self._server.server_address[:2])
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
