"""What the benchmarks stand on: a Kafka broker and a Redis in a temporary folder, gone afterwards."""

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
from treadle.local.processes import wait_for
from treadle.local.stack import Stack
from treadle.local.state import free_ports

# As for a small server: a fixed heap, and the compiler and the collector that Java chooses itself.
JVM = ("-Xms1g", "-Xmx1g")
REDIS = "apt-get install redis-server"


@dataclass(frozen=True)
class Ground:
    """Addresses, and a folder for logs and marks. `redis` is None where no redis-server is installed."""

    folder: Path
    kafka: str
    redis: str | None

    @property
    def logs(self) -> Path:
        return self.folder / "logs"


@contextmanager
def ground(tell: Callable[[str], None]) -> Iterator[Ground]:
    """Bring up both servers; everything is stopped and removed at the end, also by Ctrl-C or SIGTERM."""
    with ExitStack() as stack:
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        stack.callback(signal.signal, signal.SIGTERM, before)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="treadle-bench-")))
        (folder / "logs").mkdir()
        # No job here needs a database: with an address given none is started, and nobody calls there.
        kafka = Stack(folder / "stack", given_database="postgresql://nowhere", jvm=JVM)
        stack.callback(kafka.down, delete=True)
        kafka.up(tell=tell)
        yield Ground(folder, kafka.kafka, stack.enter_context(redis(folder)))


@contextmanager
def redis(folder: Path) -> Iterator[str | None]:
    """A redis-server with its settings as they come, in this folder; its URL."""
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


def wait_for_file(path: Path, within: float) -> bool:
    """Whether the file is there within so many seconds."""
    return wait_for(path.exists, within=within, every=0.01)
