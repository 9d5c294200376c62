"""The one-machine stack: a real Kafka and a real PostgreSQL, without Docker."""
