"""Keeps the lines that workers print whole: each thread's text is written a line at a time."""

from __future__ import annotations

import io
import sys
import threading
from typing import TextIO


class WholeLines(io.TextIOBase):
    """Replaces `sys.stdout` where many threads print."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._open_line = threading.local()
        self._lock = threading.Lock()

    def write(self, text: str) -> int:
        """Hold back text until its line is complete."""
        held = getattr(self._open_line, "text", "") + text
        whole, newline, rest = held.rpartition("\n")
        self._open_line.text = rest
        if newline:
            with self._lock:
                self._out.write(whole + newline)
                self._out.flush()
        return len(text)

    def flush(self) -> None:
        """Nothing: only unfinished lines are held back."""

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._out.fileno()


def keep_lines_whole() -> None:
    """From now on `print` in one thread never breaks into another thread's line."""
    sys.stdout = WholeLines(sys.stdout)
