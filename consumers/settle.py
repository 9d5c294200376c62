"""What has to be in Kafka before a job counts as complete."""

from collections.abc import Sequence

from consumers.outcome import Dead, Discarded, Outcome, Succeeded
from streams.dead import dead_letter
from streams.message import Message, Received


def settlement(outcome: Outcome, received: Received) -> Sequence[Message]:
    """The messages that must be acknowledged before the offset of `received` may be committed."""
    match outcome:
        case Succeeded(follow_ups):
            return follow_ups
        case Discarded():
            return ()
        case Dead(failure):
            return (dead_letter(received, failure),)
