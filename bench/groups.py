"""How long work stands still when consumers join, leave or are killed, by group protocol and heartbeat.

`python -m bench.groups` starts a broker of its own and takes about 20 minutes; `--cells` takes some alone.
Several groups are measured side by side on one topic of 12 partitions; each gets a record every 20 ms.
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

from bench.group_member import PARTITIONS, TOPIC, trickle
from bench.member_group import SPAWN, Group
from treadle.local import kafka as local_kafka
from treadle.local.jars import kafka_jars
from treadle.local.java import find_java
from treadle.local.kafka import Broker
from treadle.local.stack import cache_folder
from treadle.local.state import free_ports

_OWN_LINE = "group.initial.rebalance.delay.ms=0\n"
BROKERS = {
    "default": "",
    "stack": _OWN_LINE,
    "open": _OWN_LINE
    + "group.min.session.timeout.ms=1000\n"
    + "group.consumer.min.session.timeout.ms=1000\ngroup.consumer.min.heartbeat.interval.ms=100\n",
}


# What happens to which member: the signal it gets, and whether it is then started at once.
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
        """What librdkafka is given. With KIP-848 the broker sets the times, see `_set_times`."""
        found: dict[str, Any] = {"group.instance.id": f"member-{member}"} if self.static else {}
        if self.protocol == "consumer":
            return {**found, "group.protocol": "consumer"}
        strategy = "range" if self.protocol == "eager" else "cooperative-sticky"
        found["partition.assignment.strategy"] = strategy
        found |= {"heartbeat.interval.ms": self.heartbeat} if self.heartbeat else {}
        return found | ({"session.timeout.ms": self.session} if self.session else {})

    @property
    def calm(self) -> float:
        """Seconds in which every member has heard of a change twice; the broker's interval is 5 s."""
        broker_says = 5_000 if self.protocol == "consumer" else 3_000
        return max(2.5, 2.5 * (self.heartbeat or broker_says) / 1_000)


def measure(address: str, name: str, cell: Cell, folder: Path, members: int, busy: float) -> dict[str, Any]:
    """One repetition: the figures of each step, in the order of `STEPS`. One member alone only comes back."""
    if cell.protocol == "consumer" and (cell.heartbeat or cell.session):
        _set_times(address, name, cell)
    group, found = Group(address, name, folder, cell.properties, calm=cell.calm, busy=busy), {}
    try:
        since = time.monotonic()
        for member in range(members):
            group.add(member)
        group.settle(since)
        for step, (gone, number, returns) in STEPS.items():
            if members == 1 and not (returns and number):
                continue
            who = min(gone, members - 1) if number and step != "leave" else gone
            since = time.monotonic()
            if number:
                group.end(who, number)
            elif not returns:
                time.sleep(3)
            if returns:
                group.add(who)
            group.settle(since)
            found[step] = group.figures(since, who)
            if step == "kill":
                group.add(who)
                group.settle(time.monotonic())
    finally:
        group.close()
    return found


def _set_times(address: str, group: str, cell: Cell) -> None:
    """Heartbeat and session of one KIP-848 group. Raises KafkaException below the broker's least values."""
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
    # Kafka's own settings for groups, but for what `kind` adds: the one-machine stack's differ from them.
    local_kafka.PROPERTIES = local_kafka.PROPERTIES.replace(_OWN_LINE, BROKERS[kind])
    broker = Broker(folder / "kafka", port, controller_port, "benchGroupsAAAAAAAAAAA")
    broker.start(find_java(), kafka_jars(cache_folder(), print))
    broker.wait()
    return broker


def table(results: list[dict[str, Any]]) -> str:
    """Medians and ranges as Markdown, a line for each cell and step."""
    lines = [
        "| Cell | Step | Runs | A member idle | Others' partition | His partition | Twice | Failed commits |"
    ]
    lines.append("|---|---|---|---|---|---|---|---|")
    for cell in dict.fromkeys(result["cell"] for result in results):
        runs = [result["steps"] for result in results if result["cell"] == cell]
        for step in runs[0]:
            figures = []
            for name in ("idle_member", "others_partition", "his_partition", "twice", "failed_commits"):
                values = [run[step][name] for run in runs]
                form = ".2f" if isinstance(values[0], float) else "g"
                figures.append(f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})")
            lines.append(f"| {cell} | {step} | {len(runs)} | " + " | ".join(figures) + " |")
    return "\n".join(lines)


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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", choices=BROKERS, default="default", help="its settings for groups")
    parser.add_argument(
        "--cells", nargs="*", default=CELLS, help="protocol:static|dynamic:heartbeat:session, in ms"
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--members", type=int, default=4, help="4, or 1 for a process alone in its group")
    parser.add_argument("--busy", type=float, default=0, help="seconds a revoke of member 0 waits for a job")
    parser.add_argument("--at-once", type=int, default=4, help="groups measured side by side")
    parser.add_argument("--out", type=Path, default=Path("bench/results/groups.json"))
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the broker is stopped, too
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = _broker(folder, chosen.broker)
        source = SPAWN.Process(target=trickle, args=(broker.address,), daemon=True)
        try:
            topic = NewTopic(TOPIC, PARTITIONS, 1)
            admin = AdminClient({"bootstrap.servers": broker.address})
            admin.create_topics([topic])[TOPIC].result(10)
            source.start()

            def run(order: tuple[int, str]) -> dict[str, Any]:
                how = (Cell.read(order[1]), folder, chosen.members, chosen.busy)
                steps = measure(broker.address, f"g{order[0]}", *how)
                print(order[1], json.dumps(steps), flush=True)
                return {"broker": chosen.broker, "members": chosen.members, "cell": order[1], "steps": steps}

            orders = list(enumerate(chosen.cells * chosen.runs))
            with ThreadPoolExecutor(chosen.at_once) as pool:
                results = list(pool.map(run, orders))
        finally:
            if source.pid:
                source.kill()
            broker.stop()
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(json.dumps(results, indent=1))
    print(table(results))


if __name__ == "__main__":
    main()
