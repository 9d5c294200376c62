"""`treadle check`: all that is wrong with settings, topics.yaml, Kafka and the database, in one go."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from streams.errors import ConfigError
from treadle.catalogue import load_workers
from treadle.check_database import findings as database_findings
from treadle.finding import Finding
from treadle.settings import Settings


def findings() -> list[Finding]:
    """What is wrong, each with what to do about it. Empty when all is well; changes nothing."""
    return list(_findings())


def _findings() -> Iterator[Finding]:
    try:
        settings = Settings()
    except ValidationError as error:
        for wrong in error.errors():
            name = "TREADLE_" + "_".join(map(str, wrong["loc"])).upper()
            yield Finding(f"{wrong.get('input')!r}: {wrong['msg']}", name, "Correct the setting")
        usual = {str(wrong["loc"][0]) for wrong in error.errors()}
        settings = Settings(**{name: Settings.model_fields[name].default for name in usual})
    yield from _workers(settings)
    yield from _topics(settings)
    yield from _database(settings)


def _workers(settings: Settings) -> Iterator[Finding]:
    try:
        load_workers(settings.workers)
    except ConfigError as error:
        yield Finding(str(error), "TREADLE_WORKERS", "See that the module can be imported from here")


def _topics(settings: Settings) -> Iterator[Finding]:
    try:
        topics = settings.planned_topics()
    except ConfigError as error:
        yield Finding(
            str(error), "topics.yaml", "Correct the file; the one that comes with Treadle is complete"
        )
        topics = None
    try:
        kafka = settings.kafka_properties()
    except ConfigError as error:
        yield Finding("not set", "TREADLE_KAFKA", str(error))
        return
    if topics is None:
        return
    from streams.topic_plan import TopicAdmin

    try:
        changes = TopicAdmin(kafka).plan(topics)
    except ConfigError as error:
        yield Finding(str(error), "Kafka", "See that the brokers are up and reachable from here")
        return
    for change in changes:
        match change.what:
            case "create":
                yield Finding("is missing", f"Kafka, topic {change.topic}", "`treadle topics apply` makes it")
            case "add partitions":
                yield Finding(
                    f"has fewer partitions than planned: {change.why}",
                    f"Kafka, topic {change.topic}",
                    "`treadle topics apply` adds them",
                )
            case "set":
                yield Finding(
                    f"is set otherwise: {change.why}",
                    f"Kafka, topic {change.topic}",
                    "`treadle topics apply` sets it",
                )


def _database(settings: Settings) -> Iterator[Finding]:
    try:
        url = settings.database_url()
    except ConfigError as error:
        yield Finding("not set", "TREADLE_DATABASE", str(error))
        return
    yield from database_findings(url)
