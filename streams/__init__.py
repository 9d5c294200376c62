"""What flows: jobs, events and ticks, the messages that carry them, and the agents that react to them."""
