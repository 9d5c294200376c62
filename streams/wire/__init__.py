"""What a message looks like: between our values and the bytes and headers that Kafka carries."""
