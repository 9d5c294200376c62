"""The one-machine stack: a Kafka broker and a PostgreSQL server in one folder, started and stopped together."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from streams.errors import ConfigError
from treadle.dev.local import kafka, postgres
from treadle.dev.local import state as states
from treadle.dev.local.jars import kafka_jars
from treadle.dev.local.java import find_java
from treadle.dev.local.kafka import JVM, Broker, cluster_at
from treadle.dev.local.postgres import Server, answers
from treadle.dev.local.processes import wait_for
from treadle.dev.local.state import (
    FILE,
    LOCK,
    State,
    free_ports,
    is_free,
    is_stack,
)

DATABASE = "loomio"
NOT_DURABLE = {"group.min.session.timeout.ms": "100"}  # Kafka's default is 6,000: tests would wait
Progress = Callable[[str], None]
"""Called with what is being done."""


class Part(msgspec.Struct, frozen=True):
    """The state of Kafka or PostgreSQL: whether it answers, and where. `pid` is None unless the stack runs it."""

    address: str | None
    answers: bool
    pid: int | None
    given: bool


class Status(msgspec.Struct, frozen=True):
    """The state of a stack. It is up when both parts answer."""

    home: str
    up: bool
    kafka: Part
    database: Part


def _ignore(_: str) -> None:
    pass


class Stack:
    """A Kafka broker and a PostgreSQL server in the folder `home`.

    `given_kafka` and `given_database` are addresses of servers elsewhere to use instead; these are never started or
    stopped. `durable=False` is for tests: it trades safety of the data for speed, and accepts short group sessions.
    Any number of processes may open the same stack: those that change it take turns.
    """

    def __init__(
        self,
        home: Path | None = None,
        *,
        given_kafka: str | None = None,
        given_database: str | None = None,
        durable: bool = True,
        jvm: Sequence[str] = JVM,
    ) -> None:
        # Processes are identified by their paths: a folder must have one name.
        self.home = (home or default_home()).expanduser().resolve()
        self._durable = durable
        self._jvm = jvm
        # After `eval "$(treadle local env)"` the given addresses are our own.
        own = self._state()
        self._given_kafka = given_kafka if not own or given_kafka != self._broker(own).address else None
        self._given_database = given_database if not own or given_database != self._server(own).url else None

    @property
    def kafka(self) -> str:
        """Bootstrap servers of the broker. Raises ConfigError for a stack that was never up."""
        return self._given_kafka or self._broker(self._known()).address

    @property
    def database(self) -> str:
        """The database, as a libpq URL. Raises ConfigError for a stack that was never up."""
        return self._given_database or self._server(self._known()).url

    def up(self, *, after: Sequence[Callable[["Stack"], None]] = (), progress: Progress = _ignore) -> None:
        """Start what does not run, repair what is broken, and return when both answer.

        Then call each of `after`, at every `up`. Raises ConfigError.
        """
        if self._given_kafka and self._given_database:
            for hook in after:
                hook(self)
            return
        with self._turn(progress):
            state = self._state() or self._create_state()
            broker = None if self._given_kafka else self._start_kafka(state, progress)
            server = None if self._given_database else self._start_postgres(state, progress)
            if server:
                progress("waiting for PostgreSQL")
                server.wait()
            if broker:
                progress("waiting for Kafka")
                broker.wait()
            for hook in after:
                hook(self)

    def down(self, *, delete: bool = False, progress: Progress = _ignore) -> None:
        """Stop what runs, and with `delete` remove the data. Raises ConfigError for a folder that holds no stack."""
        if not self.home.exists() and not delete:
            return
        self._refuse_a_foreign_folder()
        if not self.home.exists():
            return
        with self._turn(progress):
            if state := self._state():
                progress("stopping Kafka")
                self._broker(state).stop()
                progress("stopping PostgreSQL")
                self._server(state).stop()
                if delete:
                    progress("removing the data")
                    shutil.rmtree(state.socket_folder, ignore_errors=True)
            if delete:
                self._remove()

    def contents(self) -> list[Path]:
        """What `down(delete=True)` would remove."""
        parts = [self.home / name for name in ("kafka", "postgres", states.FILE)]
        return [part for part in parts if part.exists()]

    def status(self) -> Status:
        """The present state."""
        kafka, database = self._kafka_part(), self._database_part()
        up = kafka.answers and database.answers
        return Status(home=str(self.home), up=up, kafka=kafka, database=database)

    def _kafka_part(self) -> Part:
        if self._given_kafka:
            return Part(self._given_kafka, cluster_at(self._given_kafka) is not None, pid=None, given=True)
        if (state := self._state()) is None:
            return Part(address=None, answers=False, pid=None, given=False)
        broker = self._broker(state)
        return Part(broker.address, broker.answers(), _pid(broker), given=False)

    def _database_part(self) -> Part:
        if self._given_database:
            return Part(self._given_database, answers(self._given_database), pid=None, given=True)
        if (state := self._state()) is None:
            return Part(address=None, answers=False, pid=None, given=False)
        server = self._server(state)
        return Part(server.url, server.answers(), _pid(server), given=False)

    def _start_kafka(self, state: State, progress: Progress) -> Broker:
        broker = self._broker(state)
        if broker.processes():
            # Perhaps an `up` that was killed has just started it; or it hangs.
            if wait_for(broker.answers, within=kafka.PATIENCE):
                return broker
            progress("stopping a Kafka that does not answer")
            broker.stop()
        if not (is_free(state.kafka_port) and is_free(state.kafka_controller_port)):
            port, controller_port = free_ports(2)
            state = msgspec.structs.replace(state, kafka_port=port, kafka_controller_port=controller_port)
            states.write(self.home, state)
            broker = self._broker(state)
        java, jars = find_java(), kafka_jars(cache_folder(), progress)
        progress("starting Kafka")
        broker.start(java, jars)
        return broker

    def _start_postgres(self, state: State, progress: Progress) -> Server:
        server = self._server(state)
        if server.processes():
            if wait_for(server.answers, within=postgres.PATIENCE):
                return server
            progress("stopping a PostgreSQL that does not answer")
            server.stop()
        progress("starting PostgreSQL")
        server.start()
        return server

    def _broker(self, state: State) -> Broker:
        return Broker(
            self.home / "kafka",
            port=state.kafka_port,
            controller_port=state.kafka_controller_port,
            cluster_id=state.kafka_cluster_id,
            jvm=self._jvm,
            settings={} if self._durable else NOT_DURABLE,
        )

    def _server(self, state: State) -> Server:
        return Server(self.home / "postgres", Path(state.socket_folder), DATABASE, durable=self._durable)

    def _state(self) -> State | None:
        return states.read(self.home)

    def _known(self) -> State:
        if (state := self._state()) is None:
            raise ConfigError(f"there is no stack in {self.home}. Start one: treadle local up")
        return state

    def _create_state(self) -> State:
        state = states.choose(self.home)
        states.write(self.home, state)
        return state

    @contextmanager
    def _turn(self, progress: Progress) -> Iterator[None]:
        """Take turns with other commands on this stack."""
        while True:
            self._refuse_a_foreign_folder()
            self.home.mkdir(parents=True, exist_ok=True)
            with (self.home / LOCK).open("a") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    progress("waiting for another command on this stack")
                    fcntl.flock(lock, fcntl.LOCK_EX)
                if _is_same_file(lock.fileno(), self.home / LOCK):
                    yield
                    return
            # While we waited, the stack and its lock were deleted: try again.

    def _refuse_a_foreign_folder(self) -> None:
        own = {LOCK, FILE, f"{FILE}.new"}
        if not self.home.exists() or is_stack(self.home):
            return
        if not self.home.is_dir() or any(entry.name not in own for entry in self.home.iterdir()):
            raise ConfigError(
                f"{self.home} is not a stack's folder: it holds other things. Choose another with --home"
            )

    def _remove(self) -> None:
        for part in self.contents():
            shutil.rmtree(part) if part.is_dir() else part.unlink()
        (self.home / f"{FILE}.new").unlink(missing_ok=True)
        (self.home / LOCK).unlink(missing_ok=True)
        with suppress(OSError):  # someone keeps other things in it
            self.home.rmdir()


def default_home() -> Path:
    """The folder of a user's stack when none is named (XDG Base Directory Specification)."""
    return _xdg("XDG_STATE_HOME", ".local/state") / "treadle" / "default"


def cache_folder() -> Path:
    """Where downloads are kept (XDG Base Directory Specification)."""
    return _xdg("XDG_CACHE_HOME", ".cache") / "treadle"


def _xdg(variable: str, otherwise: str) -> Path:
    # The specification: a variable that is empty or a relative path counts as not set.
    value = Path(os.environ.get(variable, ""))
    return value if value.is_absolute() else Path.home() / otherwise


def _pid(part: Broker | Server) -> int | None:
    return next((process.pid for process in part.processes()), None)


def _is_same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
