"""What the benchmarks run on: a Kafka broker and a Redis server in a temporary folder, removed afterwards."""

from __future__ import annotations

import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.children import Child
from treadle.dev.local.stack import Stack
from treadle.dev.local.state import free_ports

# As for a small server: a fixed heap, with the compiler and the collector that Java chooses itself.
JVM = ("-Xms1g", "-Xmx1g")
REDIS = "apt-get install redis-server"


@dataclass(frozen=True)
class Environment:
    """Addresses, and a folder for logs and marks. `redis` is None where no redis-server is installed."""

    folder: Path
    kafka: str
    redis: str | None

    @property
    def logs(self) -> Path:
        return self.folder / "logs"


@contextmanager
def started(progress: Callable[[str], None]) -> Iterator[Environment]:
    """Start both servers; everything is stopped and removed at the end, also after Ctrl-C or SIGTERM."""
    with ExitStack() as stack:
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        stack.callback(signal.signal, signal.SIGTERM, before)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="treadle-bench-")))
        (folder / "logs").mkdir()
        # No job here needs a database: with an address given none is started, and nothing connects to it.
        kafka = Stack(folder / "stack", given_database="postgresql://nowhere", jvm=JVM)
        stack.callback(kafka.down, delete=True)
        kafka.up(progress=progress)
        yield Environment(folder, kafka.kafka, stack.enter_context(_redis(folder)))


@contextmanager
def _redis(folder: Path) -> Iterator[str | None]:
    """A redis-server with default settings, in this folder; its URL."""
    server = shutil.which("redis-server")
    if server is None:
        yield None
        return
    (folder / "redis").mkdir()
    (port,) = free_ports(1)
    argv = [server, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder / "redis")]
    with Child("redis-server", argv, {}, folder / "logs" / "redis.log") as child:
        child.wait_until(lambda: _listens(port), within=20, what="an answer from Redis")
        yield f"redis://127.0.0.1:{port}/0"


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
