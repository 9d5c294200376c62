"""The topics that `topics.yaml` plans, and which group reads which."""

from pathlib import Path

from streams.job import Queue
from streams.topics import AUDIT, DEAD, EVENTS, LIFECYCLE, OVERRIDES, TICKS, load_topics, topic_of

ROOT = Path(__file__).parents[2]
PLANNED = load_topics(ROOT / "topics.yaml")
TIERS = list(PLANNED.tiers.by_topic)
READ = [*(topic_of(queue) for queue in Queue), *TIERS, EVENTS, TICKS, DEAD, LIFECYCLE, AUDIT, OVERRIDES]
GROUPS = {
    **{f"treadle.{queue}": [topic_of(queue)] for queue in Queue},
    "treadle.retries": TIERS,
    "treadle.agents": [EVENTS, TICKS],
}
