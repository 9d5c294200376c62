"""Credentials for Faust, from the properties that librdkafka takes."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from faust.auth import Credentials, SASLCredentials, SSLCredentials

from streams.errors import ConfigError

_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


def credentials(kafka: Mapping[str, Any]) -> Credentials | None:
    """The credentials that these properties give librdkafka, for Faust; None for a plain connection.

    Supports TLS with `ssl.ca.location` and a client certificate, and SASL with user name and password (PLAIN, SCRAM).
    Raises ConfigError for anything else.
    """
    protocol = str(kafka.get("security.protocol", "PLAINTEXT")).upper()
    if protocol not in _PROTOCOLS:
        raise ConfigError(f"security.protocol {protocol} is not one of {', '.join(_PROTOCOLS)}")
    tls = _tls(kafka) if protocol.endswith("SSL") else None
    if protocol.startswith("SASL"):
        mechanism = str(kafka.get("sasl.mechanisms") or kafka.get("sasl.mechanism") or "PLAIN").upper()
        if mechanism not in _MECHANISMS:
            raise ConfigError(
                f"the agents do not support sasl.mechanisms {mechanism}: use {', '.join(_MECHANISMS)}"
            )
        return SASLCredentials(
            username=kafka.get("sasl.username"),
            password=kafka.get("sasl.password"),
            mechanism=mechanism,
            ssl_context=tls,
        )
    return SSLCredentials(tls) if tls else None


def _tls(kafka: Mapping[str, Any]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=kafka.get("ssl.ca.location"))
        if certificate := kafka.get("ssl.certificate.location"):
            context.load_cert_chain(certificate, kafka.get("ssl.key.location"), kafka.get("ssl.key.password"))
    except OSError as error:
        raise ConfigError(f"the TLS files for Kafka cannot be used: {error}") from error
    return context
