"""A group of consumer processes under the bench's hand, and what their account says about a span of time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from itertools import pairwise
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from bench.group_member import COMMIT_FAILED, ENTRY, PARTITIONS, work

SPAWN = multiprocessing.get_context("spawn")  # threads of a client do not survive a fork


class Group:
    """The members of one group, and the account of what they did.

    `how` gives the properties of a member. `calm` is for how many seconds nothing has to move before the
    group counts as settled. Each revoke of member 0 waits `busy` seconds, as for a job that takes long.
    """

    def __init__(
        self,
        address: str,
        name: str,
        folder: Path,
        how: Callable[[int], dict[str, Any]],
        *,
        calm: float,
        busy: float = 0,
    ) -> None:
        self._address, self._name, self._how, self._calm = address, name, how, calm
        self._busy, self._slow = busy, 0 if busy else None
        self._account = folder / name
        self._account.touch()
        self._members: dict[int, BaseProcess] = {}
        self._reader = self._account.open("rb")
        self.entries: list[tuple[float, int, int, int]] = []

    def add(self, member: int) -> None:
        """Start a member under this number."""
        busy = self._busy if member == self._slow else 0.0
        arguments = (self._address, self._name, self._how(member), member, self._account, busy)
        self._members[member] = SPAWN.Process(target=work, args=arguments, daemon=True)
        self._members[member].start()

    def end(self, member: int, number: signal.Signals) -> None:
        """Send a signal and return when the process is gone."""
        process = self._members.pop(member)
        os.kill(process.pid or 0, number)
        process.join()

    def close(self) -> None:
        """Kill the members that are left."""
        for member in list(self._members):
            self.end(member, signal.SIGKILL)

    def settle(self, since: float, limit: float = 70) -> None:
        """Return when every partition is worked on, every member has work, and nothing moves for a while."""
        owners: dict[int, int] = {}
        seen, moved_at = 0, time.monotonic()
        while time.monotonic() < since + limit:
            time.sleep(0.1)
            self._read()
            worked = set()
            for moment, member, partition, _ in self.entries[seen:]:
                if moment > since and partition >= 0:
                    worked.add(partition)
                    if owners.get(partition) != member:
                        owners[partition], moved_at = member, time.monotonic()
            seen = len(self.entries)
            whole = len(worked) == PARTITIONS and set(owners.values()) == set(self._members)
            if whole and time.monotonic() - moved_at > self._calm:
                return

    def figures(self, since: float, gone: int | None) -> dict[str, float]:
        """What happened since then. `gone` is who joined, left or was killed.

        In seconds, for how long at most: one of the others did nothing (`idle_member`), nobody worked on one
        of the others' partitions (`others_partition`) and on one of his (`his_partition`). The rest counts.
        """
        records = [entry for entry in sorted(self.entries) if entry[2] >= 0]
        owners = {partition: member for moment, member, partition, _ in records if moment < since}
        his = {partition for partition, member in owners.items() if member == gone}
        others = sorted(set(owners.values()) - {gone, self._slow})

        def still(moments: list[float]) -> float:
            before = [moment for moment in moments if moment < since][-1:]
            line = [*before, *(moment for moment in moments if moment >= since), records[-1][0]]
            return max(later - earlier for earlier, later in pairwise(line))

        stood = {p: still([moment for moment, _, q, _ in records if q == p]) for p in range(PARTITIONS)}
        idle = [still([moment for moment, m, _, _ in records if m == member]) for member in others]
        # Back to the last commit, and not so far that what the step before repeated counts again.
        worked = [(p, offset) for moment, _, p, offset in records if moment >= since - 2]
        first = {p: min(o for q, o in worked if q == p) for p in range(PARTITIONS)}
        last = {p: max(o for q, o in worked if q == p) for p in range(PARTITIONS)}
        return {
            "idle_member": max(idle, default=0.0),
            "others_partition": max((stood[p] for p in owners if owners[p] in others), default=0.0),
            "his_partition": max((stood[p] for p in his), default=0.0),
            "twice": len(worked) - len(set(worked)),
            "missed": sum(last.values()) - sum(first.values()) + PARTITIONS - len(set(worked)),
            "failed_commits": sum(1 for t, _, p, _ in self.entries if t >= since and p == COMMIT_FAILED),
        }

    def _read(self) -> None:
        size = ENTRY.size
        data = self._reader.read()
        whole = len(data) // size * size
        self._reader.seek(whole - len(data), os.SEEK_CUR)
        self.entries.extend(ENTRY.iter_unpack(data[:whole]))
