"""What the fork server starts is as a fresh interpreter would have it: it finds, prints and ends the same."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.commands import Commands, Done
from tests.support.forks import ForkServer
from tests.support.planned import ROOT
from tests.support.shell import Shell
from tests.support.waiting import wait_until


@pytest.fixture
def shell(commands: Commands, tmp_path: Path) -> Shell:
    shutil.copy(ROOT / "tests/support/shops/look_jobs.py", tmp_path)
    return Shell(commands, tmp_path, {"WORKERS": "look_jobs"})


def do(shell: Shell, deed: str, *, fresh: bool = False, stdin: bytes = b"") -> Done:
    environment = shell.environment() | {"DEED": deed}
    return shell.commands.run("kinds", folder=shell.folder, environment=environment, fresh=fresh, stdin=stdin)


def test_it_finds_what_a_fresh_interpreter_finds(shell: Shell) -> None:
    fork, fresh = (do(shell, "tell", fresh=fresh, stdin="ü\n".encode()) for fresh in (False, True))

    told: dict[str, Any] = json.loads(fork.stdout.splitlines()[0])
    assert told == json.loads(fresh.stdout.splitlines()[0])
    assert told["given"] == "ü\n"
    assert told["threads"] == 1
    assert fork == Done(fresh.returncode, fresh.stdout, fresh.stderr)


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["enqueue"], ["perform", "a", "b"]])
def test_commands_say_the_same(shell: Shell, arguments: list[str]) -> None:
    assert shell.treadle(*arguments) == shell.treadle(*arguments, fresh=True)


@pytest.mark.parametrize("deed", ["spawn", "leave a thread", "crash", "raise"])
def test_it_does_and_ends_as_a_fresh_interpreter(shell: Shell, deed: str) -> None:
    fork, fresh = do(shell, deed), do(shell, deed, fresh=True)

    assert (fork.returncode, fork.stdout) == (fresh.returncode, fresh.stdout)
    assert fork.stderr.splitlines()[-1:] == fresh.stderr.splitlines()[-1:]


def test_each_draws_numbers_of_its_own(shell: Shell) -> None:
    drawn = [do(shell, "draw").stdout.splitlines()[0].split() for _ in range(3)]

    assert len(set().union(*drawn)) == 3 * 4


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)],
)
def test_a_signal_ends_it_with_the_code_that_says_so(shell: Shell, number: signal.Signals, code: int) -> None:
    with tempfile.TemporaryFile() as out:
        environment = shell.environment() | {"DEED": "wait"}
        streams = (0, out.fileno(), out.fileno())
        fork, fresh = (
            shell.commands.start(
                "kinds", folder=shell.folder, environment=environment, streams=streams, fresh=fresh
            )
            for fresh in (False, True)
        )
        wait_until(lambda: os.fstat(out.fileno()).st_size == 2 * len("begun\n"), told="both have begun")
        running = fork.poll()
        for each in (fork, fresh):
            each.send_signal(number)
        codes = [each.wait(10) for each in (fork, fresh)]

    assert running is None
    assert codes == [code, code]


def test_what_it_started_ends_with_it(shell: Shell) -> None:
    with ForkServer() as server:
        fork = server.start(["kinds"], shell.folder, shell.environment() | {"DEED": "wait"}, (0, 1, 2))
        process = psutil.Process(fork.pid)

    assert not process.is_running()
