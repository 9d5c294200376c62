"""The one-machine stack with real servers: up and down, two at a time, killed and repaired."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from typer.testing import CliRunner

from streams.errors import ConfigError
from treadle.cli.local import commands
from treadle.dev.local.postgres import answers, system_user
from treadle.dev.local.processes import command_line, wait_for
from treadle.dev.local.stack import Stack


@contextmanager
def a_stack(home: Path) -> Iterator[Stack]:
    """A running stack in this folder; nothing of it is left afterwards, whatever happens."""
    stack = Stack(home, durable=False)
    try:
        stack.up()
        yield stack
    finally:
        stack.down(delete=True)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack for tests that leave it running."""
    with a_stack(tmp_path_factory.mktemp("running") / "stack") as stack:
        yield stack


def pids(stack: Stack) -> list[int | None]:
    status = stack.status()
    return [status.kafka.pid, status.database.pid]


def kill(pid: int | None) -> None:
    assert pid is not None
    process = psutil.Process(pid)
    process.kill()
    process.wait(10)


def mentioning(folder: Path) -> list[str]:
    """Command lines of living processes that mention this folder."""
    lines = (" ".join(command_line(process)) for process in psutil.process_iter())
    return [line for line in lines if str(folder) in line]


@contextmanager
def a_foreign_process(argument: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the database's user that is not ours, although our folder is on its command line."""
    user = system_user()
    with subprocess.Popen(["sh", "-c", "read line", argument], stdin=subprocess.PIPE, user=user) as process:
        yield process
        process.terminate()


def create_topic(stack: Stack, name: str) -> None:
    admin = AdminClient({"bootstrap.servers": stack.kafka})
    (created,) = admin.create_topics([NewTopic(name, 1)]).values()
    created.result(20)


def send(stack: Stack, topic: str, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": stack.kafka, "acks": "all"})
    producer.produce(topic, value)
    assert producer.flush(20) == 0


def first_message(stack: Stack, topic: str) -> bytes | None:
    consumer = Consumer({"bootstrap.servers": stack.kafka, "group.id": "reader"})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        message = consumer.poll(20)
        return message.value() if message and not message.error() else None
    finally:
        consumer.close()


def local(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """`treadle local …` in this environment alone: exit code, output, messages to people."""
    clean = {"TREADLE_KAFKA": None, "TREADLE_DATABASE": None} | environment
    result = CliRunner().invoke(commands(), arguments, env=clean)
    return result.exit_code, result.stdout, str(result.exception or result.stderr)


def test_up_returns_when_both_answer(running: Stack) -> None:
    status = running.status()

    assert status.up
    assert status.kafka.answers
    with psycopg.connect(running.database) as db:
        assert db.execute("SELECT current_database()").fetchone() == ("loomio",)


def test_a_second_up_changes_nothing(running: Stack) -> None:
    before = pids(running), running.kafka, running.database

    running.up()

    assert (pids(running), running.kafka, running.database) == before


def test_hooks_are_called_on_every_up(running: Stack) -> None:
    called: list[Stack] = []

    running.up(after=[called.append])

    assert called == [running]


def test_a_shell_can_evaluate_env(running: Stack) -> None:
    _, printed, _ = local("env", "--home", str(running.home))
    script = f'{printed}\nprintf "%s\\n" "$TREADLE_KAFKA" "$TREADLE_DATABASE"'

    output = subprocess.run(["sh", "-ec", script], capture_output=True, text=True, check=True).stdout

    assert output.splitlines() == [running.kafka, running.database]


def test_a_stacks_own_addresses_in_the_environment_do_not_count_as_given(running: Stack) -> None:
    stack = Stack(running.home, given_kafka=running.kafka, given_database=running.database)

    status = stack.status()

    assert not status.kafka.given
    assert status.database.pid == running.status().database.pid


def test_a_broker_killed_with_sigkill_is_restarted_and_keeps_its_messages(running: Stack) -> None:
    create_topic(running, "kept")
    send(running, "kept", b"still here")
    kill(running.status().kafka.pid)

    running.up()

    assert first_message(running, "kept") == b"still here"


def test_a_database_killed_with_sigkill_is_restarted_and_keeps_its_rows(running: Stack) -> None:
    with psycopg.connect(running.database) as db:
        db.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    kill(running.status().database.pid)

    running.up()

    with psycopg.connect(running.database) as db:
        assert db.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_a_stack_for_tests_accepts_short_group_sessions(running: Stack) -> None:
    create_topic(running, "grouped")
    times = {"session.timeout.ms": 300, "heartbeat.interval.ms": 100}
    consumer = Consumer({"bootstrap.servers": running.kafka, "group.id": "short", **times})
    try:
        consumer.subscribe(["grouped"])

        assert wait_for(lambda: consumer.poll(0.1) is None and bool(consumer.assignment()), within=20)
    finally:
        consumer.close()


def test_two_stacks_run_at_the_same_time(running: Stack, tmp_path: Path) -> None:
    before = pids(running)

    with a_stack(tmp_path / "a folder with spaces, a comma and an ü") as other:
        create_topic(other, "only-here")
        here = AdminClient({"bootstrap.servers": running.kafka}).list_topics(timeout=20)

        assert other.status().up
        assert "only-here" not in here.topics
        assert other.database != running.database

    assert pids(running) == before


def test_down_leaves_no_process_and_keeps_the_data(tmp_path: Path) -> None:
    with a_stack(tmp_path / "stack") as stack:
        address = stack.kafka

        stack.down()

        assert mentioning(stack.home) == []
        assert (stack.home / "kafka" / "data").exists()
        assert stack.kafka == address


def test_down_with_delete_leaves_no_data(tmp_path: Path) -> None:
    home = tmp_path / "stack"
    Stack(home, given_kafka="elsewhere:9092", durable=False).up()

    exit_code, _, message = local("down", "--delete", "--yes", "--home", str(home))

    assert exit_code == 0
    assert str(home / "postgres") in message
    assert not home.exists()


def test_a_stack_runs_in_a_folder_too_deep_for_a_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    stack = Stack(deep, given_kafka="elsewhere:9092", durable=False)

    try:
        stack.up()

        with psycopg.connect(stack.database) as db:
            assert db.execute("SELECT 1").fetchone() == (1,)
    finally:
        stack.down(delete=True)


def test_only_what_is_not_given_is_started(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "stack", given_kafka="a:1", given_database="postgresql://b/c")

    stack.up()

    assert not stack.home.exists()
    assert (stack.kafka, stack.database) == ("a:1", "postgresql://b/c")


@pytest.mark.parametrize("attempt", range(3))
def test_the_next_up_completes_one_that_was_killed_halfway(tmp_path: Path, attempt: int) -> None:
    home = tmp_path / "stack"
    program = "import sys; from pathlib import Path; from treadle.dev.local.stack import Stack; "
    program += "Stack(Path(sys.argv[1]), durable=False).up()"
    halfway = subprocess.Popen([sys.executable, "-c", program, home])
    moment = time.monotonic() + random.uniform(0.3, 4.0)
    wait_for(lambda: time.monotonic() > moment or halfway.poll() is not None, within=10)
    halfway.kill()
    halfway.wait()

    with a_stack(home) as stack:
        assert stack.status().up
    assert mentioning(home) == []


def test_no_foreign_process_is_killed_when_a_lock_file_is_stale(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "stack", given_kafka="elsewhere:9092", durable=False)
    stack.up()
    lock = stack.home / "postgres" / "data" / "postmaster.pid"
    lines = lock.read_text().splitlines()
    stack.down()
    with a_foreign_process(str(stack.home)) as foreign:
        lock.write_text("\n".join([str(foreign.pid), *lines[1:]]))

        stack.up()
        answered = answers(stack.database)
        stack.down(delete=True)

        assert answered
        assert foreign.poll() is None


def test_a_folder_with_other_files_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("dear")
    stack = Stack(tmp_path)

    with pytest.raises(ConfigError, match="not a stack's folder"):
        stack.up()
    with pytest.raises(ConfigError, match="not a stack's folder"):
        stack.down(delete=True)

    assert (tmp_path / "other.txt").read_text() == "dear"


def test_env_of_a_stack_that_is_down_says_how_to_start_it(tmp_path: Path) -> None:
    exit_code, printed, message = local("env", "--home", str(tmp_path / "stack"))

    assert exit_code == 1
    assert printed == ""
    assert "treadle local up" in message
