"""What follows from events and ticks. Importing this package declares every agent."""
