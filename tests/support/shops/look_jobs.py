"""A module of a shop that tells what its process is like; tests copy this file into a folder of their own.

What it does beyond that is said by the variable DEED.
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
    """Their numbers, where there is a /proc to tell; without the one that looks."""
    there = Path("/proc/self/fd")
    return [each.name for each in there.iterdir() if each.exists()] if there.exists() else []


def told() -> dict[str, object]:
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


def tell_of_a_child(pipe: Connection) -> None:
    parent = multiprocessing.parent_process()
    pipe.send([parent and parent.pid, str(Path.cwd()), sys.modules["__mp_main__"].__file__])


def spawn() -> None:
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    child = spawning.Process(target=tell_of_a_child, args=(theirs,))
    child.start()
    parent, folder, main = ours.recv()
    child.join()
    print(parent == os.getpid(), folder, main, child.exitcode)


match os.environ.pop("DEED", None):  # not once more in a child
    case "tell":
        print(json.dumps(told()))
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
