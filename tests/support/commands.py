"""Starts commands of treadle's: in a fork, or where a test asks for it in an interpreter of their own.

TREADLE_TEST_FRESH=1 gives every command an interpreter of its own.
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
LONGEST = 90.0  # seconds for a command that comes to its end by itself


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Commands:
    """All in one folder and environment; `fresh` of each start is whether it gets a new interpreter."""

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
        """Start a command with these descriptors as stdin, stdout and stderr, and return at once."""
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
    """Our own environment, with no settings of treadle's but these, which are named without TREADLE_."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("TREADLE_")}
    return {**own, "PYTHONPATH": str(ROOT)} | {f"TREADLE_{name}": text for name, text in settings.items()}


@contextmanager
def _holding(content: bytes) -> Iterator[int]:
    """A descriptor to read this from."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        yield file.fileno()


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()
