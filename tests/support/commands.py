"""Starts Treadle's commands: in a fork, or in a fresh interpreter where a test asks for one.

TREADLE_TEST_FRESH=1 starts every command in a fresh interpreter.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.support.fork_server import MODULE
from tests.support.forks import ForkServer
from tests.support.planned import ROOT
from tests.support.started import Started

ALL_FRESH = os.environ.get("TREADLE_TEST_FRESH") == "1"
LONGEST = 90.0  # seconds for a command that ends by itself


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Commands:
    """Runs and starts commands. `fresh` starts one in a new interpreter instead of a fork."""

    forks: ForkServer

    def run(
        self,
        *arguments: str,
        folder: Path,
        environment: Mapping[str, str],
        stdin: bytes = b"",
        fresh: bool = False,
    ) -> Done:
        """Run one command to its end."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            with _holding(stdin) as given:
                process = self.start(
                    *arguments,
                    folder=folder,
                    environment=environment,
                    streams=(given, out.fileno(), err.fileno()),
                    fresh=fresh,
                )
            try:
                code = process.wait(LONGEST)
            finally:
                process.kill()
            return Done(code, _text(out), _text(err))

    def start(
        self,
        *arguments: str,
        folder: Path,
        environment: Mapping[str, str],
        streams: tuple[int, int, int],
        fresh: bool = False,
    ) -> Started:
        """Start a command with these descriptors as stdin, stdout and stderr, and return immediately."""
        if not (fresh or ALL_FRESH):
            return self.forks.start(list(arguments), folder, environment, streams)
        stdin, stdout, stderr = streams
        return subprocess.Popen(
            [sys.executable, "-m", MODULE, *arguments],
            cwd=folder,
            env=environment,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
        )


def environment(**settings: str) -> dict[str, str]:
    """The environment of the tests with these of Treadle's settings and no others. Leave out the prefix TREADLE_."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("TREADLE_")}
    return {**own, "PYTHONPATH": str(ROOT)} | {f"TREADLE_{name}": text for name, text in settings.items()}


@contextmanager
def _holding(content: bytes) -> Iterator[int]:
    """A descriptor from which to read this."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        yield file.fileno()


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()
