"""The demo from start to end, with nothing left behind."""

from __future__ import annotations

import shlex
import time

from streams.kafka.producer import Producer
from streams.process import logs
from streams.tiers import Tiers
from treadle.database import engine
from treadle.dev.demo.closing import close_lapsed_polls
from treadle.dev.demo.coop import Coop
from treadle.dev.demo.environment import Environment, create_environment
from treadle.dev.demo.interrupts import interrupted_by_sigterm, undisturbed
from treadle.dev.demo.kill import kill_a_consumer
from treadle.dev.demo.mending import mend_and_send_back
from treadle.dev.demo.pipeline import Pipeline
from treadle.dev.demo.reading import TopicReader
from treadle.dev.demo.steps import Steps
from treadle.dev.demo.waiting import wait_and_return
from treadle.settings import Settings


def run_demo(settings: Settings, *, keep: bool) -> None:
    """Run all parts of the demo, and shut everything down again unless `keep` is set.

    Raises TreadleError when something does not happen as it should; the logs of the processes are kept then.
    """
    logs.configure("error")
    steps = Steps()
    began = time.monotonic()
    with interrupted_by_sigterm():
        environment = create_environment(settings, steps)
        pipeline = None
        try:
            pipeline = Pipeline(TopicReader(environment.kafka), environment.env, environment.logs)
            _run_parts(pipeline, environment, settings.planned_topics().tiers, steps)
        except Exception:
            _clean_up(pipeline, environment, steps, logs=False)
            raise
        except BaseException:
            _clean_up(pipeline, environment, steps)
            raise
        if keep:
            _say_how_to_look_around(pipeline, environment, steps)
        else:
            _clean_up(pipeline, environment, steps)
    steps.say(f"Everything went as it should, in {time.monotonic() - began:.1f} s.")


def _run_parts(pipeline: Pipeline, environment: Environment, tiers: Tiers, steps: Steps) -> None:
    database = engine(environment.database, pool_size=1)
    producer = Producer(environment.kafka)
    try:
        coop = Coop(database)
        close_lapsed_polls(pipeline, coop, producer, steps)
        wait_and_return(pipeline, producer, tiers, steps)
        mend_and_send_back(pipeline, coop, producer, steps)
        kill_a_consumer(pipeline, coop, steps)
    finally:
        producer.close()
        database.dispose()


def _clean_up(
    pipeline: Pipeline | None, environment: Environment, steps: Steps, *, logs: bool = True
) -> None:
    with undisturbed(), steps.step("Shutting everything down"):
        if pipeline is not None:
            pipeline.close()
        environment.remove(logs=logs)


def _say_how_to_look_around(pipeline: Pipeline, environment: Environment, steps: Steps) -> None:
    pipeline.topics.close()
    pids = {name: child.process.pid for name, child in pipeline.children.items() if child.process}
    database = shlex.quote(environment.database)
    poll = "'{\"poll_id\": 1}'"
    steps.say("Still running: " + ", ".join(f"{name} ({pid})" for name, pid in pids.items()))
    steps.say("Look around:")
    if environment.is_own:
        steps.say(f'  eval "$(treadle local env --home {environment.stack.home})"')
    else:
        kafka = shlex.quote(environment.stack.kafka)
        steps.say(f"  export TREADLE_KAFKA={kafka} TREADLE_DATABASE={database}")
    steps.say("  treadle topics plan")
    steps.say("  treadle dead list --state all")
    steps.say(f"  treadle perform search.reindex_poll {poll} --dry-run")
    steps.say(f"  psql {database}")
    steps.say(f"  tail -f {environment.logs}/*.log")
    steps.say("Shut it down:")
    steps.say(f"  kill {' '.join(map(str, pids.values()))}")
    steps.say(f"  {environment.how_to_remove}")
