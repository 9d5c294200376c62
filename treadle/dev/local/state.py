"""What a stack remembers between commands, in `stack.json` in its folder: its ports and names."""

import base64
import hashlib
import os
import socket
import tempfile
import uuid
from pathlib import Path

import msgspec

from streams.errors import ConfigError

FILE = "stack.json"
LOCK = "lock"
# The longest path of a Unix socket, with its final zero byte: 108 bytes on Linux, 104 on macOS.
LONGEST_SOCKET = 103


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Chosen once. A port changes only when another program has taken it."""

    kafka_port: int
    kafka_controller_port: int
    kafka_cluster_id: str
    socket_folder: str


def is_stack(home: Path) -> bool:
    """Whether this folder holds a stack."""
    return (home / FILE).is_file()


def read(home: Path) -> State | None:
    """The state of the stack in this folder, None when there is none. Raises ConfigError."""
    if not is_stack(home):
        return None
    try:
        return msgspec.json.decode((home / FILE).read_bytes(), type=State)
    except msgspec.DecodeError as error:
        raise ConfigError(
            f"{home / FILE} cannot be read ({error}). Give another folder with --home, or remove this one"
        ) from error


def write(home: Path, state: State) -> None:
    """Write this state; the file is complete at every moment."""
    draft = home / f"{FILE}.new"
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(state)))
    draft.replace(home / FILE)


def choose(home: Path) -> State:
    """The state of a new stack."""
    port, controller_port = free_ports(2)
    return State(port, controller_port, _cluster_id(), str(_socket_folder(home)))


def free_ports(count: int) -> list[int]:
    """Different ports of the loopback interface that no one listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def is_free(port: int) -> bool:
    """Whether no one listens on this port of the loopback interface."""
    with socket.socket() as probe:
        # As Kafka does: connections of a broker that has just ended do not matter.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _cluster_id() -> str:
    """A new Kafka cluster id: 16 random bytes, not starting with "-" as an option would."""
    while (id_ := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return id_


def _socket_folder(home: Path) -> Path:
    """A folder inside the stack's, or in the temporary folder if that path cannot hold a socket.

    It is always the same for a stack, so that its address stays the same.
    """
    folder = home / "postgres"
    if _holds_sockets(folder):
        return folder
    name = f"treadle-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"
    in_temporary = Path(tempfile.gettempdir(), name)
    return in_temporary if _holds_sockets(in_temporary) else Path("/tmp", name)


def _holds_sockets(folder: Path) -> bool:
    """Whether its path is short enough, and PostgreSQL and its clients do not read it as a list of paths."""
    is_short = len(os.fsencode(folder / ".s.PGSQL.5432")) <= LONGEST_SOCKET
    return is_short and not {",", '"'} & set(str(folder))
