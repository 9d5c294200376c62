"""How long work stops when consumers join, leave or are killed, by group protocol and heartbeat.

`python -m bench.studies.groups` starts its own broker and takes about 20 minutes; `--cells` selects some cells. Several
groups are measured in parallel on one topic of 12 partitions; each partition gets a record every 20 ms.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from bench.studies.group import SPAWN, Group
from bench.studies.group_member import PARTITIONS, TOPIC, produce_steadily
from treadle.dev.local.jars import kafka_jars
from treadle.dev.local.java import find_java
from treadle.dev.local.kafka import Broker
from treadle.dev.local.stack import cache_folder
from treadle.dev.local.state import free_ports

# A broker's settings for groups: Kafka's own, those of the one-machine stack, and some with lower limits.
BROKERS = {
    "default": {"group.initial.rebalance.delay.ms": "3000"},
    "stack": {},
    "open": {
        "group.min.session.timeout.ms": "1000",
        "group.consumer.min.session.timeout.ms": "1000",
        "group.consumer.min.heartbeat.interval.ms": "100",
    },
}


# What happens to which member: the signal it gets, and whether it is started (again) immediately.
STEPS: dict[str, tuple[int, signal.Signals | None, bool]] = {
    "quiet": (4, None, False),
    "join": (4, None, True),
    "leave": (4, signal.SIGTERM, False),
    "kill": (3, signal.SIGKILL, False),
    "kill and restart": (2, signal.SIGKILL, True),
    "leave and return": (1, signal.SIGTERM, True),
}


class Cell(NamedTuple):
    """One way to be a member. `heartbeat` and `session` are in ms; 0 leaves the default."""

    protocol: str  # eager, cooperative, consumer
    static: bool
    heartbeat: int
    session: int

    @classmethod
    def read(cls, text: str) -> Cell:
        """From `eager:static:500:6000` or `consumer:dynamic:0:0`."""
        protocol, static, heartbeat, session = text.split(":")
        return cls(protocol, static == "static", int(heartbeat), int(session))

    def properties(self, member: int) -> dict[str, Any]:
        """The properties for librdkafka. With KIP-848 the broker sets the times, see `_set_times`."""
        found: dict[str, Any] = {"group.instance.id": f"member-{member}"} if self.static else {}
        if self.protocol == "consumer":
            return {**found, "group.protocol": "consumer"}
        strategy = "range" if self.protocol == "eager" else "cooperative-sticky"
        found["partition.assignment.strategy"] = strategy
        found |= {"heartbeat.interval.ms": self.heartbeat} if self.heartbeat else {}
        return found | ({"session.timeout.ms": self.session} if self.session else {})

    @property
    def calm(self) -> float:
        """Seconds in which every member has two heartbeats, and so learns of a change; the broker's interval is 5 s."""
        default = 5_000 if self.protocol == "consumer" else 3_000
        return max(2.5, 2.5 * (self.heartbeat or default) / 1_000)


def measure(address: str, name: str, cell: Cell, folder: Path, members: int, busy: float) -> dict[str, Any]:
    """One repetition: the figures of each step, in the order of `STEPS`. A single member is only restarted."""
    if cell.protocol == "consumer" and (cell.heartbeat or cell.session):
        _set_times(address, name, cell)
    group, found = Group(address, name, folder, cell.properties, calm=cell.calm, busy=busy), {}
    try:
        since = time.monotonic()
        for member in range(members):
            group.add(member)
        group.settle(since)
        for step, (target, number, returns) in STEPS.items():
            if members == 1 and not (returns and number):
                continue
            changed = min(target, members - 1) if number and step != "leave" else target
            since = time.monotonic()
            if number:
                group.end(changed, number)
            elif not returns:
                time.sleep(3)
            if returns:
                group.add(changed)
            group.settle(since)
            found[step] = group.figures(since, changed)
            if step == "kill":
                group.add(changed)
                group.settle(time.monotonic())
    finally:
        group.close()
    return found


def _set_times(address: str, group: str, cell: Cell) -> None:
    """Set heartbeat and session of one KIP-848 group. Raises KafkaException below the broker's minimum."""
    times = {"consumer.heartbeat.interval.ms": cell.heartbeat, "consumer.session.timeout.ms": cell.session}
    entries = [
        ConfigEntry(name, str(value), incremental_operation=AlterConfigOpType.SET)
        for name, value in times.items()
        if value
    ]
    resource = ConfigResource(ResourceType.GROUP, group, incremental_configs=entries)
    admin = AdminClient({"bootstrap.servers": address})
    admin.incremental_alter_configs([resource])[resource].result(10)


def _broker(folder: Path, kind: str) -> Broker:
    port, controller_port = free_ports(2)
    broker = Broker(folder / "kafka", port, controller_port, "benchGroupsAAAAAAAAAAA", settings=BROKERS[kind])
    broker.start(find_java(), kafka_jars(cache_folder(), print))
    broker.wait()
    return broker


def table(results: list[dict[str, Any]]) -> str:
    """Medians and ranges as Markdown, one row per cell and step."""
    rows = [
        "| Cell | Step | Runs | Idle member | Others' partition | Own partition | Repeated | Failed commits |"
    ]
    rows.append("|---|---|---|---|---|---|---|---|")
    for cell in dict.fromkeys(result["cell"] for result in results):
        runs = [result["steps"] for result in results if result["cell"] == cell]
        for step in runs[0]:
            figures = []
            for name in ("idle_member", "others_partition", "own_partition", "repeated", "failed_commits"):
                values = [run[step][name] for run in runs]
                form = ".2f" if isinstance(values[0], float) else "g"
                figures.append(f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})")
            rows.append(f"| {cell} | {step} | {len(runs)} | " + " | ".join(figures) + " |")
    return "\n".join(rows)


CELLS = [
    *(f"eager:dynamic:{heartbeat}:6000" for heartbeat in (3000, 1000, 500, 200, 100)),
    *(f"cooperative:dynamic:{heartbeat}:6000" for heartbeat in (3000, 1000, 500, 200, 100)),
    "eager:static:200:6000",
    "cooperative:static:1000:6000",
    "cooperative:static:200:6000",
    "consumer:dynamic:0:0",
    "consumer:static:0:0",
]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.studies.groups", description=__doc__)
    parser.add_argument(
        "--broker", choices=BROKERS, default="default", help="the broker's settings for groups"
    )
    parser.add_argument(
        "--cells", nargs="*", default=CELLS, help="protocol:static|dynamic:heartbeat:session, in ms"
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--members", type=int, default=4, help="4, or 1 for a process alone in its group")
    parser.add_argument("--busy", type=float, default=0, help="seconds a revoke of member 0 waits for a job")
    parser.add_argument("--parallel", type=int, default=4, help="groups measured in parallel")
    parser.add_argument("--out", type=Path, default=Path("bench/results/groups.json"))
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the broker is stopped as well
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = _broker(folder, chosen.broker)
        source = SPAWN.Process(target=produce_steadily, args=(broker.address,), daemon=True)
        try:
            topic = NewTopic(TOPIC, PARTITIONS, 1)
            admin = AdminClient({"bootstrap.servers": broker.address})
            admin.create_topics([topic])[TOPIC].result(10)
            source.start()

            def run(numbered: tuple[int, str]) -> dict[str, Any]:
                number, cell = numbered
                group = (f"g{number}", Cell.read(cell), folder, chosen.members, chosen.busy)
                steps = measure(broker.address, *group)
                print(cell, json.dumps(steps), flush=True)
                return {"broker": chosen.broker, "members": chosen.members, "cell": cell, "steps": steps}

            with ThreadPoolExecutor(chosen.parallel) as pool:
                results = list(pool.map(run, enumerate(chosen.cells * chosen.runs)))
        finally:
            if source.pid:
                source.kill()
            broker.stop()
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(json.dumps(results, indent=1))
    print(table(results))


if __name__ == "__main__":
    main()
