"""The environment as settings; nothing else reads it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from streams.errors import ConfigError
from streams.topics import Topics, load_topics

_KAFKA_PROPERTY = "TREADLE_KAFKA_"
_START_LOCAL = 'On one machine: `treadle local up`, then `eval "$(treadle local env)"`.'
SET_KAFKA = f"Set it to the brokers, as host:port. {_START_LOCAL}"
SET_DATABASE = f"Set it to the URL of Loomio's database. {_START_LOCAL}"


class Settings(BaseSettings):
    """What can be set, each as an environment variable with the prefix TREADLE_.

    TREADLE_KAFKA_<PROPERTY> sets any property of librdkafka, with underscores for dots:
    TREADLE_KAFKA_SECURITY_PROTOCOL=SASL_SSL, TREADLE_KAFKA_SASL_MECHANISMS=PLAIN.
    """

    model_config = SettingsConfigDict(env_prefix="TREADLE_", extra="ignore")

    kafka: str | None = Field(default=None, description="bootstrap servers: host:port, comma separated")
    database: str | None = Field(default=None, description="URL of Loomio's PostgreSQL")
    topics: Path = Field(default=Path(__file__).with_name("topics.yaml"), description="path of topics.yaml")
    workers: str = Field(default="", description="more modules with jobs and workers, comma separated")
    group: str = Field(default="cooperative", pattern="^(eager|cooperative|consumer)$")
    static_member: str | None = Field(default=None, description="a fixed name for this member of its group")
    traces: str = Field(
        default="none",
        validation_alias="OTEL_TRACES_EXPORTER",
        description="exporter of spans: otlp, console",
    )
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")

    def kafka_properties(self) -> dict[str, Any]:
        """Properties for every Kafka client. Raises ConfigError when TREADLE_KAFKA is not set."""
        if not self.kafka:
            raise ConfigError(f"TREADLE_KAFKA is not set. {SET_KAFKA}")
        more = {
            name.removeprefix(_KAFKA_PROPERTY).lower().replace("_", "."): value
            for name, value in os.environ.items()
            if name.startswith(_KAFKA_PROPERTY)
        }
        return {"bootstrap.servers": self.kafka, **more}

    def database_url(self) -> str:
        """The database's URL. Raises ConfigError when TREADLE_DATABASE is not set."""
        if not self.database:
            raise ConfigError(f"TREADLE_DATABASE is not set. {SET_DATABASE}")
        return self.database

    def planned_topics(self) -> Topics:
        """The topics of `topics.yaml`. Raises ConfigError."""
        return load_topics(self.topics)


class Invalid(NamedTuple):
    """A setting that cannot be used: its field, its environment variable, its value and the reason."""

    field: str
    variable: str
    value: str
    reason: str


def invalid(error: ValidationError) -> list[Invalid]:
    """The settings that this error is about."""
    found = []
    for each in error.errors():
        field = str(each["loc"][0])
        found.append(Invalid(field, f"TREADLE_{field.upper()}", repr(each.get("input")), each["msg"]))
    return found


def read_settings() -> Settings:
    """The settings of this process. Raises ConfigError, which names the variable."""
    try:
        return Settings()
    except ValidationError as error:
        first = invalid(error)[0]
        raise ConfigError(f"{first.variable}={first.value}: {first.reason}") from error
