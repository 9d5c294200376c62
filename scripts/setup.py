"""Creates `.venv` from the locked requirements, with this project in it. Quick when there is nothing to do.

Needs only the standard library. `--is-done` changes nothing: its exit code says whether setup is done.
`--bench` adds the peers that the benchmarks measure beside us.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
VENV = PROJECT / ".venv"
PYTHON = VENV / "bin" / "python"
DONE = VENV / "setup-is-done"
REQUIREMENTS = PROJECT / "requirements"
PEERS = REQUIREMENTS / "bench.txt"
PEERS_DONE = VENV / "peers-are-done"
INPUTS = [REQUIREMENTS / "dev.txt", REQUIREMENTS / "java.txt", PROJECT / "pyproject.toml", Path(__file__)]


def main() -> None:
    if sys.argv[1:] == ["--is-done"]:
        sys.exit(not is_done())
    with INPUTS[0].open() as lock:  # so that two setups take turns
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_done():
            set_up()
        if sys.argv[1:] == ["--bench"] and not has_peers():
            add_peers()


def is_done() -> bool:
    """Whether `.venv` was created here, from the same requirements."""
    return DONE.exists() and DONE.read_text() == wanted()


def wanted() -> str:
    """What a finished setup was made from: the folder, the requirements, the Java it found."""
    content = hashlib.sha256(b"".join(path.read_bytes() for path in INPUTS)).hexdigest()
    return f"{VENV}\n{content}\njava {os.environ.get('JAVA_HOME')} {shutil.which('java')}\n"


def set_up() -> None:
    # One that was interrupted or moved may be broken in any way: only a finished one is reused.
    if not (DONE.exists() and DONE.read_text().startswith(f"{VENV}\n") and runs(PYTHON)):
        say("creating .venv")
        import venv

        venv.create(VENV, with_pip=True, clear=True, symlinks=True)
    DONE.unlink(missing_ok=True)
    PEERS_DONE.unlink(missing_ok=True)
    say("installing what is locked in requirements/dev.txt (about a minute when nothing is cached)")
    pip("install", "--require-hashes", "--requirement", REQUIREMENTS / "dev.txt")
    pip("install", "--no-deps", "--no-build-isolation", "--editable", PROJECT)
    if not has_java():
        say("installing a Java, because the system has none that can run Kafka")
        pip("install", "--require-hashes", "--requirement", REQUIREMENTS / "java.txt")
    DONE.write_text(wanted())


def has_peers() -> bool:
    """Whether the peers of the benchmarks are installed, from the same requirements."""
    return PEERS_DONE.exists() and PEERS_DONE.read_bytes() == PEERS.read_bytes()


def add_peers() -> None:
    say("installing the peers of the benchmarks that are Python packages (requirements/bench.txt)")
    pip("install", "--require-hashes", "--requirement", PEERS)
    shutil.copyfile(PEERS, PEERS_DONE)


def pip(*arguments: str | Path) -> None:
    """Run pip of `.venv`, and end with a clear message when it fails."""
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    if subprocess.run([PYTHON, "-m", "pip", *quiet, *arguments], check=False).returncode != 0:
        sys.exit("setup: pip failed, see above. `make setup` starts over")


def runs(python: Path) -> bool:
    """Whether this Python is still there and starts."""
    return python.exists() and subprocess.run([python, "-c", ""], check=False).returncode == 0


def has_java() -> bool:
    """Whether the local stack finds a Java it can use."""
    find = [PYTHON, "-m", "treadle.dev.local.java"]
    return subprocess.run(find, cwd=PROJECT, capture_output=True, check=False).returncode == 0


def say(step: str) -> None:
    print(f"setup: {step}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
