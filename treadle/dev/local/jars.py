"""Downloads Apache Kafka's jars into a cache folder, once for all stacks of a user.

`kafka.yaml` lists the jars with their SHA-256. To write it again: `python -m treadle.dev.local.jars`.
"""

import fcntl
import hashlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import yaml

from streams.errors import ConfigError

LOCK = Path(__file__).with_name("kafka.yaml")
VERSION = "4.3.1"
# Kafka, and what it needs to write a log: the version of log4j that Kafka itself depends on.
WANTED = (f"org.apache.kafka:kafka_2.13:{VERSION}", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4")


def kafka_jars(cache: Path, progress: Callable[[str], None]) -> Path:
    """The folder with Kafka and its dependencies; downloaded by the first call. Raises ConfigError.

    It gets its name when it is complete: the remains of an interrupted call are removed.
    """
    jars = cache / f"kafka-{VERSION}"
    if jars.is_dir():
        return jars
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not jars.is_dir():
            for leftover in cache.glob("fetching-*"):
                shutil.rmtree(leftover)
            staging = Path(tempfile.mkdtemp(prefix="fetching-", dir=cache))
            try:
                _fetch(staging, progress)
            except Exception as error:
                raise ConfigError(
                    f"could not fetch Kafka {VERSION}: {error}. "
                    "Check the network and try again, or set TREADLE_KAFKA to a broker elsewhere"
                ) from error
            (staging / "jars").rename(jars)
            shutil.rmtree(staging)
    return jars


def _fetch(staging: Path, progress: Callable[[str], None]) -> None:
    locked: dict[str, str] = yaml.safe_load(LOCK.read_text())
    (staging / "jars").mkdir()
    maven = _maven(staging)

    def fetch(coordinate: str) -> None:
        jar: Path = maven.create_dependency(coordinate).artifact.resolve()
        if (found := _sha256(jar)) != locked[coordinate]:
            raise ConfigError(f"{jar.name} has SHA-256 {found}, not {locked[coordinate]} as in {LOCK.name}")
        jar.rename(staging / "jars" / jar.name)

    with ThreadPoolExecutor(8) as pool:
        downloads = [pool.submit(fetch, coordinate) for coordinate in locked]
        for done, download in enumerate(as_completed(downloads), start=1):
            download.result()
            progress(f"fetching Kafka {VERSION}: {done} of {len(downloads)} files (only the first time)")


def _lock(staging: Path) -> Iterator[str]:
    """The lines of `kafka.yaml` for WANTED."""
    maven = _maven(staging)
    yield f"# The jars of Apache Kafka {VERSION} and their SHA-256. Made by `make lock`.\n"
    needed: set[Any] = set()
    for wanted in WANTED:
        itself, with_it = maven.resolver.resolve([maven.create_dependency(wanted)])
        needed.update(other.artifact for other in itself)
        # Of the second only itself: its dependencies are there already, in the versions that Kafka was tested with.
        if wanted == WANTED[0]:
            needed.update(other.artifact for other in with_it if other.scope in ("compile", "runtime"))
    for artifact in sorted(needed, key=lambda artifact: (artifact.groupId, artifact.artifactId)):
        jar = artifact.resolve()
        yield f"{artifact.groupId}:{artifact.artifactId}:{artifact.version}: {_sha256(jar)}\n"


def _maven(staging: Path) -> Any:
    # Imported here: only the first `up` on a machine needs it.
    from jgo.maven import MavenContext

    # A separate repository: jgo takes any file it finds for complete, and an interrupted download leaves
    # half of one.
    return MavenContext(repo_cache=staging / "maven", timeout=60)


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        lines = list(_lock(Path(folder)))
    LOCK.write_text("".join(lines))
    print(f"{LOCK}: {len(lines) - 1} jars", file=sys.stderr)
