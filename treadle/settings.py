"""The environment as settings; nobody else reads it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from streams.errors import ConfigError
from streams.topics import Topics, load_topics

_KAFKA_PROPERTY = "TREADLE_KAFKA_"
_START_LOCAL = 'On one machine: `treadle local up`, then `eval "$(treadle local env)"`.'


class Settings(BaseSettings):
    """What can be set, each as an environment variable with the prefix TREADLE_.

    Besides, TREADLE_KAFKA_<PROPERTY> sets any property of librdkafka, with underscores for dots:
    TREADLE_KAFKA_SECURITY_PROTOCOL=SASL_SSL, TREADLE_KAFKA_SASL_MECHANISMS=PLAIN.
    """

    model_config = SettingsConfigDict(env_prefix="TREADLE_", extra="ignore")

    kafka: str | None = Field(default=None, description="bootstrap servers: host:port, comma separated")
    database: str | None = Field(default=None, description="URL of Loomio's PostgreSQL")
    topics: Path = Field(default=Path(__file__).with_name("topics.yaml"), description="path of topics.yaml")
    workers: str = Field(default="", description="further modules with jobs and workers, comma separated")
    group: str = Field(default="cooperative", pattern="^(eager|cooperative|consumer)$")
    static_member: str | None = Field(default=None, description="a name that this consumer keeps")
    traces: str = Field(
        default="none", validation_alias="OTEL_TRACES_EXPORTER", description="spans: otlp, console"
    )
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")

    def kafka_properties(self) -> dict[str, Any]:
        """Properties for every Kafka client. Raises ConfigError when TREADLE_KAFKA is not set."""
        if not self.kafka:
            raise ConfigError(f"TREADLE_KAFKA is not set: the brokers, as host:port. {_START_LOCAL}")
        more = {
            name.removeprefix(_KAFKA_PROPERTY).lower().replace("_", "."): value
            for name, value in os.environ.items()
            if name.startswith(_KAFKA_PROPERTY)
        }
        return {"bootstrap.servers": self.kafka, **more}

    def database_url(self) -> str:
        """The database's URL. Raises ConfigError when TREADLE_DATABASE is not set."""
        if not self.database:
            raise ConfigError(f"TREADLE_DATABASE is not set: the URL of Loomio's database. {_START_LOCAL}")
        return self.database

    def planned_topics(self) -> Topics:
        """What `topics.yaml` says. Raises ConfigError."""
        return load_topics(self.topics)


def read_settings() -> Settings:
    """The settings of this process. Raises ConfigError, which names the variable."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = error.errors()[0]
        name = "TREADLE_" + "_".join(map(str, wrong["loc"])).upper()
        raise ConfigError(f"{name}={wrong.get('input')!r}: {wrong['msg']}") from error
