"""A group of consumer processes under the study's control, and what their log says about a period of time."""

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

from bench.studies.group_member import COMMIT_FAILED, ENTRY, PARTITIONS, work

SPAWN = multiprocessing.get_context("spawn")  # threads of a client do not survive a fork


class Group:
    """The members of one group, and the log of what they did.

    `properties` gives a member's Kafka properties. The group counts as settled once nothing has moved for `calm`
    seconds. Each revoke of member 0 waits `busy` seconds, as for a job that takes long.
    """

    def __init__(
        self,
        address: str,
        name: str,
        folder: Path,
        properties: Callable[[int], dict[str, Any]],
        *,
        calm: float,
        busy: float = 0,
    ) -> None:
        self._address, self._name, self._properties, self._calm = address, name, properties, calm
        self._busy, self._slow = busy, 0 if busy else None
        self._log = folder / name
        self._log.touch()
        self._members: dict[int, BaseProcess] = {}
        self._reader = self._log.open("rb")
        self.entries: list[tuple[float, int, int, int]] = []

    def add(self, member: int) -> None:
        """Start a member with this number."""
        busy = self._busy if member == self._slow else 0.0
        arguments = (self._address, self._name, self._properties(member), member, self._log, busy)
        self._members[member] = SPAWN.Process(target=work, args=arguments, daemon=True)
        self._members[member].start()

    def end(self, member: int, number: signal.Signals) -> None:
        """Send a signal and return when the process is gone."""
        process = self._members.pop(member)
        os.kill(process.pid or 0, number)
        process.join()

    def close(self) -> None:
        """Kill the remaining members."""
        for member in list(self._members):
            self.end(member, signal.SIGKILL)

    def settle(self, since: float, limit: float = 70) -> None:
        """Return when every partition is served, every member serves some, and nothing has moved for a while."""
        owners: dict[int, int] = {}
        seen, moved_at = 0, time.monotonic()
        while time.monotonic() < since + limit:
            time.sleep(0.1)
            self._read()
            served = set()
            for moment, member, partition, _ in self.entries[seen:]:
                if moment > since and partition >= 0:
                    served.add(partition)
                    if owners.get(partition) != member:
                        owners[partition], moved_at = member, time.monotonic()
            seen = len(self.entries)
            complete = len(served) == PARTITIONS and set(owners.values()) == set(self._members)
            if complete and time.monotonic() - moved_at > self._calm:
                return

    def figures(self, since: float, changed: int | None) -> dict[str, float]:
        """What has happened since then. `changed` is the member that joined, left or was killed.

        The longest time, in seconds, for which one of the others was idle (`idle_member`), one of the others'
        partitions was not served (`others_partition`), and one of the changed member's was not (`own_partition`).
        The rest are counts.
        """
        records = [entry for entry in sorted(self.entries) if entry[2] >= 0]
        owners = {partition: member for moment, member, partition, _ in records if moment < since}
        own = {partition for partition, member in owners.items() if member == changed}
        others = sorted(set(owners.values()) - {changed, self._slow})

        def longest_gap(moments: list[float]) -> float:
            before = [moment for moment in moments if moment < since][-1:]
            series = [*before, *(moment for moment in moments if moment >= since), records[-1][0]]
            return max(later - earlier for earlier, later in pairwise(series))

        gaps = {p: longest_gap([moment for moment, _, q, _ in records if q == p]) for p in range(PARTITIONS)}
        idle = [longest_gap([moment for moment, m, _, _ in records if m == member]) for member in others]
        # Back to the last commit, but not so far that repeats of the previous step count again.
        read = [(p, offset) for moment, _, p, offset in records if moment >= since - 2]
        first = {p: min(o for q, o in read if q == p) for p in range(PARTITIONS)}
        last = {p: max(o for q, o in read if q == p) for p in range(PARTITIONS)}
        return {
            "idle_member": max(idle, default=0.0),
            "others_partition": max((gaps[p] for p in owners if owners[p] in others), default=0.0),
            "own_partition": max((gaps[p] for p in own), default=0.0),
            "repeated": len(read) - len(set(read)),
            "missed": sum(last.values()) - sum(first.values()) + PARTITIONS - len(set(read)),
            "failed_commits": sum(1 for t, _, p, _ in self.entries if t >= since and p == COMMIT_FAILED),
        }

    def _read(self) -> None:
        size = ENTRY.size
        data = self._reader.read()
        complete = len(data) // size * size
        self._reader.seek(complete - len(data), os.SEEK_CUR)
        self.entries.extend(ENTRY.iter_unpack(data[:complete]))
