"""Workers for jobs about events, the facts that Loomio records."""

from consumers.context import Context
from consumers.loomio import events
from consumers.loomio.threads import readers
from consumers.worker import worker
from streams.event import Event
from streams.jobs.events import PublishEvent


@worker(PublishEvent)
def publish_event(job: PublishEvent, ctx: Context) -> None:
    """Mark what the actor wrote as read by them, and publish the event, so that the agents receive it."""
    with ctx.transaction() as db:
        event = events.find(db, job.event_id)
        readers.note_own_part(db, event, at=ctx.now)
        ctx.publish(
            Event(
                id=event.id,
                kind=event.kind,
                eventable_type=event.eventable_type,
                eventable_id=event.eventable_id,
                created_at=event.created_at,
                user_id=event.user_id,
                group_id=event.group_id,
                discussion_id=event.discussion_id,
                poll_id=event.poll_id,
                custom_fields=event.custom_fields,
            )
        )
