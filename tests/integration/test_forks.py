"""A process from the fork server behaves like a fresh interpreter: it finds, prints and returns the same."""

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


def do(shell: Shell, action: str, *, fresh: bool = False, stdin: bytes = b"") -> Done:
    environment = shell.environment() | {"ACTION": action}
    return shell.commands.run("kinds", folder=shell.folder, environment=environment, fresh=fresh, stdin=stdin)


def test_a_fork_finds_what_a_fresh_interpreter_finds(shell: Shell) -> None:
    fork, fresh = (do(shell, "report", fresh=fresh, stdin="ü\n".encode()) for fresh in (False, True))

    found: dict[str, Any] = json.loads(fork.stdout.splitlines()[0])
    assert found == json.loads(fresh.stdout.splitlines()[0])
    assert found["given"] == "ü\n"
    assert found["threads"] == 1
    assert fork == Done(fresh.returncode, fresh.stdout, fresh.stderr)


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["enqueue"], ["perform", "a", "b"]])
def test_commands_print_the_same(shell: Shell, arguments: list[str]) -> None:
    assert shell.treadle(*arguments) == shell.treadle(*arguments, fresh=True)


@pytest.mark.parametrize("action", ["spawn", "leave a thread", "crash", "raise"])
def test_a_fork_behaves_and_ends_like_a_fresh_interpreter(shell: Shell, action: str) -> None:
    fork, fresh = do(shell, action), do(shell, action, fresh=True)

    assert (fork.returncode, fork.stdout) == (fresh.returncode, fresh.stdout)
    assert fork.stderr.splitlines()[-1:] == fresh.stderr.splitlines()[-1:]


def test_each_fork_draws_its_own_random_numbers(shell: Shell) -> None:
    drawn = [do(shell, "draw").stdout.splitlines()[0].split(" ", 3) for _ in range(3)]

    assert len(set().union(*drawn)) == 3 * 4


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)],
)
def test_a_signal_ends_a_fork_with_the_exit_code_of_that_signal(
    shell: Shell, number: signal.Signals, code: int
) -> None:
    with tempfile.TemporaryFile() as out:
        environment = shell.environment() | {"ACTION": "wait"}
        streams = (0, out.fileno(), out.fileno())
        fork, fresh = (
            shell.commands.start(
                "kinds", folder=shell.folder, environment=environment, streams=streams, fresh=fresh
            )
            for fresh in (False, True)
        )
        wait_until(lambda: os.fstat(out.fileno()).st_size == 2 * len("begun\n"), what="both have begun")
        code_before = fork.poll()
        for each in (fork, fresh):
            each.send_signal(number)
        codes = [each.wait(10) for each in (fork, fresh)]

    assert code_before is None
    assert codes == [code, code]


def test_forks_end_with_their_server(shell: Shell) -> None:
    with ForkServer() as server:
        fork = server.start(["kinds"], shell.folder, shell.environment() | {"ACTION": "wait"}, (0, 1, 2))
        process = psutil.Process(fork.pid)

    assert not process.is_running()
