"""The tour from its beginning to its end, with nothing left behind."""

from __future__ import annotations

import shlex
import time

from streams import logs
from streams.producer import Producer
from streams.tiers import Tiers
from treadle.database import engine
from treadle.demo.closing import close_lapsed_polls
from treadle.demo.coop import Coop
from treadle.demo.ground import Ground, lay_out
from treadle.demo.interrupts import interrupted_by_sigterm, undisturbed
from treadle.demo.kill import kill_a_consumer
from treadle.demo.line import Line
from treadle.demo.mending import mend_and_send_back
from treadle.demo.reading import Log
from treadle.demo.steps import Steps
from treadle.demo.waiting import wait_and_come_back
from treadle.settings import Settings


def give_tour(settings: Settings, *, keep: bool) -> None:
    """Show everything, and take it down again unless it is to be kept.

    Raises TreadleError when not all came about; the logs of the processes are kept then.
    """
    logs.configure("error")
    steps = Steps()
    began = time.monotonic()
    with interrupted_by_sigterm():
        ground = lay_out(settings, steps)
        line = None
        try:
            line = Line(Log(ground.kafka), ground.environment, ground.logs)
            _play(line, ground, settings.planned_topics().tiers, steps)
        except Exception:
            _clean_up(line, ground, steps, logs=False)
            raise
        except BaseException:
            _clean_up(line, ground, steps)
            raise
        if keep:
            _say_how_to_look_around(line, ground, steps)
        else:
            _clean_up(line, ground, steps)
    steps.say(f"All as it should be, in {time.monotonic() - began:.1f} s.")


def _play(line: Line, ground: Ground, tiers: Tiers, steps: Steps) -> None:
    database = engine(ground.database, pool_size=1)
    producer = Producer(ground.kafka)
    try:
        coop = Coop(database)
        close_lapsed_polls(line, coop, producer, steps)
        wait_and_come_back(line, producer, tiers, steps)
        mend_and_send_back(line, coop, producer, steps)
        kill_a_consumer(line, coop, steps)
    finally:
        producer.close()
        database.dispose()


def _clean_up(line: Line | None, ground: Ground, steps: Steps, *, logs: bool = True) -> None:
    with undisturbed(), steps.step("Taking everything down"):
        if line is not None:
            line.close()
        ground.remove(logs=logs)


def _say_how_to_look_around(line: Line, ground: Ground, steps: Steps) -> None:
    line.log.close()
    processes = {name: child.process.pid for name, child in line.children.items() if child.process}
    database = shlex.quote(ground.database)
    poll = "'{\"poll_id\": 1}'"
    steps.say("It stays up: " + ", ".join(f"{name} ({pid})" for name, pid in processes.items()))
    steps.say("Look around:")
    if ground.is_own:
        steps.say(f'  eval "$(treadle local env --home {ground.stack.home})"')
    else:
        steps.say(f"  export TREADLE_KAFKA={shlex.quote(ground.stack.kafka)} TREADLE_DATABASE={database}")
    steps.say("  treadle topics plan")
    steps.say("  treadle dead list --state all")
    steps.say(f"  treadle perform search.reindex_poll {poll} --dry-run")
    steps.say(f"  psql {database}")
    steps.say(f"  tail -f {ground.logs}/*.log")
    steps.say("Take it down:")
    steps.say(f"  kill {' '.join(map(str, processes.values()))}")
    steps.say(f"  {ground.how_to_remove}")
