"""The Faust application that runs the agents."""
