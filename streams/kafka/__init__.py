"""Our Kafka clients: a producer, readers of topics, commits, and the admin client for topics."""
