"""librdkafka's security properties reach the agents' client, too."""

import pytest
from faust.auth import SASLCredentials, SSLCredentials

from streams.errors import ConfigError
from streams.faust.credentials import credentials


def test_a_plain_connection_needs_none() -> None:
    assert credentials({"bootstrap.servers": "kafka:9092"}) is None


def test_tls_alone_is_a_context() -> None:
    assert isinstance(credentials({"security.protocol": "ssl"}), SSLCredentials)


def test_a_user_name_and_password_over_tls_are_passed_on() -> None:
    made = credentials(
        {
            "security.protocol": "SASL_SSL",
            "sasl.mechanisms": "SCRAM-SHA-512",
            "sasl.username": "treadle",
            "sasl.password": "secret",
        }
    )

    assert isinstance(made, SASLCredentials)
    assert (made.username, made.password, made.ssl_context is not None) == ("treadle", "secret", True)
    assert str(made.mechanism.value) == "SCRAM-SHA-512"


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"security.protocol": "carrier pigeon"}, "CARRIER PIGEON is not one of"),
        (
            {"security.protocol": "SASL_SSL", "sasl.mechanisms": "GSSAPI"},
            "do not support sasl.mechanisms GSSAPI: use PLAIN, SCRAM-SHA-256, SCRAM-SHA-512",
        ),
        ({"security.protocol": "SSL", "ssl.ca.location": "/no/such/file"}, "TLS files"),
    ],
)
def test_what_cannot_work_says_so(properties: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        credentials(properties)
