"""What tests share: servers, commands and processes, readers of Kafka, shops, builders, fakes. No tests."""
