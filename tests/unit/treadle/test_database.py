"""The URL of the database, and how it is read."""

import pytest

from streams.errors import ConfigError
from treadle.database import address


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_every_way_to_write_postgresql_is_understood(scheme: str) -> None:
    url = address(f"{scheme}://ann:s%40lt@db.example:5433/loomio")

    assert (url.drivername, url.host, url.port, url.database) == (
        "postgresql+psycopg",
        "db.example",
        5433,
        "loomio",
    )
    assert (url.username, url.password) == ("ann", "s@lt")


@pytest.mark.parametrize(
    "text", ["postgresql:///loomio?host=/run/pg&user=ann", "postgresql://ann@%2Frun%2Fpg/loomio"]
)
def test_a_socket_folder_may_be_in_the_query_or_instead_of_the_host(text: str) -> None:
    url = address(text)

    assert url.query["host"] == "/run/pg"
    assert not url.host


def test_our_sessions_are_named_treadle_and_in_utc() -> None:
    url = address("postgresql://h/loomio")

    assert url.query["application_name"] == "treadle"
    assert url.query["connect_timeout"] == "10"
    assert url.query["options"] == "-c TimeZone=UTC"


def test_what_the_url_says_itself_is_kept() -> None:
    url = address("postgresql://h/loomio?connect_timeout=3&sslmode=require&options=-c%20statement_timeout=5s")

    assert url.query["connect_timeout"] == "3"
    assert url.query["sslmode"] == "require"
    assert url.query["options"] == "-c statement_timeout=5s -c TimeZone=UTC"


@pytest.mark.parametrize("text", ["", "loomio", "mysql://h/loomio", "postgresql://h:port/loomio"])
def test_another_url_is_refused_with_the_right_form(text: str) -> None:
    with pytest.raises(ConfigError, match="postgresql://"):
        address(text)
