"""`treadle run agents`: builds the Faust application with all agents, and runs it."""

from __future__ import annotations

from streams.agent import declared
from streams.faust.app import build_app, run_app
from streams.kafka.producer import Producer
from streams.process import logs
from treadle.catalogue import load_workers
from treadle.settings import Settings


def start_agents(settings: Settings) -> None:
    """Run the agents until they are asked to stop, then end the process."""
    logs.configure(settings.log_level)
    load_workers(settings.workers)
    kafka = settings.kafka_properties()
    run_app(build_app(kafka, declared, Producer(kafka)))
