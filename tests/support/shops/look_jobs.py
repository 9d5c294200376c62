"""A module of a shop that reports the state of its process; tests copy this file into their own folder.

The variable ACTION says what else it does.
"""

import atexit
import json
import multiprocessing
import os
import random
import signal
import sys
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from uuid import uuid4

import uuid_utils

from treadle import Job


def open_files() -> list[str]:
    """Their descriptors, without the one opened to list them; none without /proc."""
    descriptors = Path("/proc/self/fd")
    return [each.name for each in descriptors.iterdir() if each.exists()] if descriptors.exists() else []


def state() -> dict[str, object]:
    main = sys.modules["__main__"]
    signals = {int(each): str(signal.getsignal(each)).partition(" at ")[0] for each in signal.valid_signals()}
    return {
        "arguments": [sys.argv, sys.orig_argv],
        "path": sys.path[:3],
        "main": [main.__name__, main.__spec__ and main.__spec__.name, main.__file__],
        "folder": str(Path.cwd()),
        "environment": dict(os.environ),
        "threads": threading.active_count(),
        "open": open_files(),
        "signals": signals,
        "streams": [
            [each.encoding, each.errors, each.mode, each.line_buffering, each.write_through, each.fileno()]
            for each in (sys.__stdin__, sys.__stdout__, sys.__stderr__)
        ],
        "given": sys.stdin.read(),
        "kinds": sorted(each.__name__ for each in Job.__subclasses__()),
        "workers": sorted(name for name in sys.modules if name.startswith("consumers.workers")),
    }


def report_from_child(pipe: Connection) -> None:
    parent = multiprocessing.parent_process()
    pipe.send([parent and parent.pid, str(Path.cwd()), sys.modules["__mp_main__"].__file__])


def spawn() -> None:
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    child = spawning.Process(target=report_from_child, args=(theirs,))
    child.start()
    parent, folder, main = ours.recv()
    child.join()
    print(parent == os.getpid(), folder, main, child.exitcode)


match os.environ.pop("ACTION", None):  # popped, so that a child does not do it again
    case "report":
        print(json.dumps(state()))
    case "spawn":
        spawn()
    case "draw":
        print(uuid4(), uuid_utils.uuid7(), random.random(), os.urandom(8))
    case "leave a thread":
        threading.Timer(0.2, print, ["its thread has ended"]).start()
        atexit.register(print, "at the end")
    case "raise":
        raise KeyboardInterrupt
    case "crash":
        raise SystemExit("it cannot be")
    case "wait":
        print("begun", flush=True)
        signal.pause()
