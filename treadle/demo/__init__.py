"""The tour: a practice co-op's lapsed polls close by way of Kafka, and a killed consumer loses nothing."""
