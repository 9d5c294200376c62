"""The demo: a practice co-op's lapsed polls close through Kafka, and a killed consumer loses nothing."""
