"""Jobs about events, the facts that Loomio records."""

from streams.job import Job


class PublishEvent(Job, kind="events.publish", key="event:{event_id}", replaces="PublishEventWorker"):
    """Publish an event of Loomio's on `loomio.events`, where the agents hear it."""

    event_id: int
