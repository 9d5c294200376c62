"""What a person decided about one job: to cancel it, or to run it at another time."""
