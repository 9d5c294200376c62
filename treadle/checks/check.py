"""`treadle check`: everything that is wrong with settings, topics.yaml, Kafka and the database, in one run."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from streams.errors import ConfigError
from treadle.catalogue import load_workers
from treadle.checks.database import findings as database_findings
from treadle.checks.finding import Finding
from treadle.settings import SET_DATABASE, SET_KAFKA, Settings, invalid


def findings() -> list[Finding]:
    """What is wrong, and what to do about it. Empty when all is well; changes nothing."""
    return list(_findings())


def _findings() -> Iterator[Finding]:
    try:
        settings = Settings()
    except ValidationError as error:
        wrong = invalid(error)
        for each in wrong:
            yield Finding(f"{each.value}: {each.reason}", each.variable, "Correct the setting")
        settings = Settings(**{each.field: Settings.model_fields[each.field].default for each in wrong})
    yield from _workers(settings)
    yield from _topics(settings)
    yield from _database(settings)


def _workers(settings: Settings) -> Iterator[Finding]:
    try:
        load_workers(settings.workers)
    except ConfigError as error:
        yield Finding(str(error), "TREADLE_WORKERS", "Make sure that the module can be imported from here")


def _topics(settings: Settings) -> Iterator[Finding]:
    try:
        topics = settings.planned_topics()
    except ConfigError as error:
        yield Finding(str(error), "topics.yaml", "Correct the file; the one shipped with Treadle is complete")
        topics = None
    try:
        kafka = settings.kafka_properties()
    except ConfigError:
        yield Finding("not set", "TREADLE_KAFKA", SET_KAFKA)
        return
    if topics is None:
        return
    from streams.kafka.topic_admin import TopicAdmin

    try:
        changes = TopicAdmin(kafka).plan(topics)
    except ConfigError as error:
        yield Finding(str(error), "Kafka", "Make sure that the brokers are up and reachable from here")
        return
    for change in changes:
        match change.what:
            case "create":
                yield Finding(
                    "is missing", f"Kafka, topic {change.topic}", "`treadle topics apply` creates it"
                )
            case "add partitions":
                yield Finding(
                    f"has fewer partitions than planned: {change.why}",
                    f"Kafka, topic {change.topic}",
                    "`treadle topics apply` adds them",
                )
            case "set":
                yield Finding(
                    f"differs from topics.yaml: {change.why}",
                    f"Kafka, topic {change.topic}",
                    "`treadle topics apply` sets it",
                )


def _database(settings: Settings) -> Iterator[Finding]:
    try:
        url = settings.database_url()
    except ConfigError:
        yield Finding("not set", "TREADLE_DATABASE", SET_DATABASE)
        return
    yield from database_findings(url)
