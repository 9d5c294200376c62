"""Every Prometheus metric, declared once. Labels come from small closed sets: queues, kinds, outcomes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

WAITING = Gauge("treadle_jobs_waiting", "Jobs fetched by this process but not started.", ["queue"])
IN_FLIGHT = Gauge("treadle_jobs_in_flight", "Jobs in flight in this process.")
PARTITIONS = Gauge("treadle_partitions", "Partitions owned by this process.", ["queue"])
COMMITS = Counter("treadle_commits", "Offset commits, by result (ok, failed).", ["queue", "result"])
REBALANCES = Counter(
    "treadle_rebalances", "How often partitions were assigned, revoked or lost.", ["queue", "what"]
)

MOVED = Counter("treadle_waiting_moved", "Waiting jobs sent on, by the topic they were sent to.", ["topic"])
HELD = Gauge("treadle_waiting_held", "Waiting jobs held by this process.")
LATENESS = Histogram(
    "treadle_waiting_late_seconds",
    "How long after their due moment waiting jobs returned to their queues, in seconds.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 60.0),
)

BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
"""Upper bounds of the buckets of durations, in seconds."""


class Attempts(Collector):
    """Attempts by outcome, and how long they took; observed in batches, read at a scrape.

    The client library's own metrics take a lock for every observation. This one has a single writer.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, str], list[int]] = {}
        self._sums: dict[tuple[str, str, str], float] = {}

    def observe(self, queue: str, kind: str, outcome: str, seconds: float) -> None:
        """Add one attempt. From one thread only."""
        key = (queue, kind, outcome)
        counts = self._counts.get(key)
        if counts is None:
            self._sums[key] = 0.0
            counts = self._counts[key] = [0] * (len(BUCKETS) + 1)
        counts[bisect_left(BUCKETS, seconds)] += 1
        self._sums[key] += seconds

    def collect(self) -> Iterable[Metric]:
        """The counter and the histogram, for a scrape."""
        labels = ["queue", "kind", "outcome"]
        finished = CounterMetricFamily(
            "treadle_jobs_finished", "Attempts finished, by outcome.", labels=labels
        )
        seconds = HistogramMetricFamily(
            "treadle_job_seconds", "How long attempts took, in seconds.", labels=labels
        )
        bounds = [*map(str, BUCKETS), "+Inf"]
        for key, counts in list(self._counts.items()):
            finished.add_metric(list(key), sum(counts))
            buckets = list(zip(bounds, accumulate(counts), strict=True))
            seconds.add_metric(list(key), buckets, self._sums[key])
        yield from (finished, seconds)


ATTEMPTS = Attempts()
REGISTRY.register(ATTEMPTS)
