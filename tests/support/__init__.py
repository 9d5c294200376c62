"""What tests lean on: servers, commands and processes, readers of Kafka, shops, builders, fakes. No tests."""
