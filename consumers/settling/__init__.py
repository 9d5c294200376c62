"""What an attempt led to goes to Kafka; only then is its offset complete."""
