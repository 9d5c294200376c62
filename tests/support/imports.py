"""Our own modules that the fork server has imported: what commands need, and nothing that declares a worker or agent.

Those of `streams.jobs` are declared in every command. The module that runs is not to stay imported.
"""

from consumers.retries import RetriesProcess
from consumers.runtime import ConsumerProcess
from scheduler.ring import ring_until
from streams.app import build_app
from streams.topic_plan import TopicAdmin
from treadle.check import findings
from treadle.cli.main import main
from treadle.database import engine
from treadle.dead.canary import Canary
from treadle.dead.desk import desk
from treadle.dead.edit import edited
from treadle.dead.follow import follow_until
from treadle.dead.view import story
from treadle.migrating import migrate
from treadle.ordering import Desk
from treadle.perform import perform
from treadle.processes import start_consumer

__all__ = [
    "Canary",
    "ConsumerProcess",
    "Desk",
    "RetriesProcess",
    "TopicAdmin",
    "build_app",
    "desk",
    "edited",
    "engine",
    "findings",
    "follow_until",
    "main",
    "migrate",
    "perform",
    "ring_until",
    "start_consumer",
    "story",
]
