"""A real Apache Kafka broker on this machine: one node in KRaft mode, in its own folder."""

import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from streams.errors import ConfigError
from treadle.dev.local import processes
from treadle.dev.local.building import built_atomically, clear_unfinished

# Small and quick to start. Benchmarks pass others.
JVM = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
PATIENCE = 90.0  # seconds; 2 to 3 is usual

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
inter.broker.listener.name=PLAINTEXT
# Relative to the working folder, so that no character of a path can be misread here.
log.dirs=data
auto.create.topics.enable=false
# A killed broker can rejoin only when its last session is over.
broker.session.timeout.ms=5000
broker.heartbeat.interval.ms=1000
group.initial.rebalance.delay.ms=0
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
"""

LOGGING = """\
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %-5p %c{1}: %m%n
"""


@dataclass(frozen=True)
class Broker:
    """One broker. `folder` holds its settings, its log and its data; `settings` override PROPERTIES."""

    folder: Path
    port: int
    controller_port: int
    cluster_id: str
    jvm: Sequence[str] = JVM
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The bootstrap servers for clients."""
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "kafka.log"

    def processes(self) -> list[psutil.Process]:
        """The process of this broker: a list of one, or none if it does not run."""
        command = ["kafka.Kafka", str(self.folder / "server.properties")]
        return processes.find(lambda argv: argv[-2:] == command)

    def answers(self) -> bool:
        """Whether this broker, and not another one on its port, answers a client."""
        try:
            # Finds out much sooner than the client that no one listens.
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return cluster_at(self.address) == self.cluster_id

    def start(self, java: str, jars: Path) -> None:
        """Start the broker, on new storage if it has none, and return without waiting for it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        properties = self.folder / "server.properties"
        properties.write_text(self._properties())
        (self.folder / "log4j2.properties").write_text(LOGGING)
        if not (self.folder / "data").exists():
            self._format(java, jars)
        command = [java, *self.jvm, *_class_path(jars), "-Dlog4j2.configurationFile=log4j2.properties"]
        processes.start([*command, "kafka.Kafka", properties], log=self.log, folder=self.folder)

    def wait(self) -> None:
        """Return when the broker answers. Raises ConfigError when it has ended or takes too long."""

        def decided() -> bool:
            return self.answers() or not self.processes()

        if not processes.wait_for(decided, within=PATIENCE) or not self.processes():
            raise ConfigError(
                f"Kafka {'does not answer' if self.processes() else 'ended while starting'}. "
                f"Its log is {self.log} and ends with:\n{processes.last_lines(self.log)}"
            )

    def stop(self) -> None:
        """Stop the broker, if it runs, and return when it is gone."""
        processes.stop(self.processes(), signal.SIGTERM, within=30)
        clear_unfinished(self.folder / "data")

    def _properties(self) -> str:
        own = PROPERTIES.format(port=self.port, controller_port=self.controller_port)
        return own + "".join(f"{name}={value}\n" for name, value in self.settings.items())  # the last counts

    def _format(self, java: str, jars: Path) -> None:
        tool = [java, *self.jvm, *_class_path(jars), "kafka.tools.StorageTool", "format"]
        config = ["-t", self.cluster_id, "-c", str(self.folder / "server.properties")]
        with built_atomically(self.folder / "data") as staging:
            run = subprocess.run([*tool, *config], cwd=staging, capture_output=True, text=True, check=False)
            if run.returncode != 0:
                raise ConfigError(
                    f"Kafka's storage could not be created in {self.folder}:\n{run.stdout}{run.stderr}"
                )


def cluster_at(address: str) -> str | None:
    """The id of the cluster at these bootstrap servers, None when none answers within 5 seconds."""
    try:
        cluster = AdminClient({"bootstrap.servers": address, "log_level": 0}).list_topics(timeout=5)
    except KafkaException:
        return None
    return cluster.cluster_id if cluster.brokers else None


def _class_path(jars: Path) -> list[str]:
    return ["-cp", f"{jars}/*"]
