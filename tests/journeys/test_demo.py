"""`treadle demo`, as a newcomer runs it: it starts from nothing and leaves nothing."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from treadle.dev.local.processes import command_line, stop, wait_for

DEMO = [sys.executable, "-m", "treadle.cli.main", "demo"]
LONGEST = 150  # seconds, so that it passes on a busy machine


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The demo's folder for temporary files; nothing runs afterwards, whatever happens."""
    try:
        yield tmp_path
    finally:
        stop(still_running(tmp_path), signal.SIGKILL, within=10)


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Our environment, with this folder for temporary files and without a given Kafka or database."""
    given = ("TREADLE_KAFKA", "TREADLE_DATABASE", "KEEP")
    kept = {name: value for name, value in os.environ.items() if name not in given}
    return {**kept, "TMPDIR": str(folder), "PYTHONPATH": str(Path(__file__).parents[2]), **more}


def still_running(folder: Path) -> list[psutil.Process]:
    """Processes with this folder in their command line, their environment or as their working folder."""

    def belongs(process: psutil.Process) -> bool:
        try:
            environment = process.environ().get("TREADLE_DATABASE", "").replace("%2F", "/")
            return str(folder) in " ".join([*command_line(process), environment, process.cwd()])
        except psutil.Error:
            return str(folder) in " ".join(command_line(process))

    return [process for process in psutil.process_iter() if belongs(process)]


def figure(words: str, output: str) -> int:
    """The number that follows these words in a table."""
    found = re.search(rf"{re.escape(words)}\s+([\d,]+)", output)
    assert found, f"{words!r} is not in\n{output}"
    return int(found[1].replace(",", ""))


def assert_a_job_died_and_was_sent_back(output: str, messages: str) -> None:
    """Its dead letter is shown with the error, sent back by the command that is shown, and the job succeeds."""
    part = output[output.index("A dead job, kept on jobs.dead") : output.index("A consumer killed with -9")]
    assert re.search(r"kind +demo\.read_clock\b", part)
    assert re.search(r"error +there is no time zone Europe/Lissabon", part)
    assert re.search(r"why dead +a NoSuchZone is not retried", part)
    position = re.search(r"dead letter +(\d+:\d+)", part)
    assert position, part
    assert f"$ treadle dead retry {position[1]} --by demo --why 'the time zone is corrected'" in messages
    assert "1 of 1 dead letters sent back" in messages
    assert re.search(
        r"1 +dead +NoSuchZone: there is no time zone Europe/Lissabon *\n"
        r" +sent back +by demo: the time zone is corrected *\n"
        r" +1 +succeeded",
        part,
    )


def test_the_demo_shows_all_polls_closed_and_leaves_nothing(folder: Path) -> None:
    run = subprocess.run(
        DEMO, env=environment(folder), capture_output=True, text=True, timeout=LONGEST, check=False
    )

    assert run.returncode == 0, run.stderr
    assert "60 polls closed" in run.stdout
    assert figure("poll_expired", run.stdout) == 60
    assert figure("default   polls.close", run.stdout) == 60
    assert "It takes: poll_id" in run.stdout
    assert re.search(r"demo.try_again +3 +\d+ +succeeded", run.stdout)
    assert re.search(r"demo.remind +1 +\d+ +succeeded", run.stdout)
    assert_a_job_died_and_was_sent_back(run.stdout, run.stderr)
    assert "while closing polls: every poll was closed exactly once" in run.stdout
    lapsed = figure("polls that lapsed", run.stdout)
    assert 0 < figure("closed when the consumer was killed", run.stdout) < lapsed
    assert figure("closed in total", run.stdout) == lapsed
    assert figure("poll_expired rows in the database", run.stdout) == lapsed
    assert figure("distinct events on loomio.events", run.stdout) == lapsed
    assert still_running(folder) == []
    assert list(folder.iterdir()) == []


def test_ctrl_c_in_the_middle_leaves_nothing(folder: Path) -> None:
    demo = subprocess.Popen(
        DEMO, env=environment(folder), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert wait_for(lambda: any(folder.glob("treadle-demo-*/logs/consumer.log")), within=LONGEST)

    demo.send_signal(signal.SIGINT)
    _, messages = demo.communicate(timeout=LONGEST)

    assert demo.returncode not in (0, -signal.SIGINT), messages
    assert still_running(folder) == []
    assert list(folder.iterdir()) == []
