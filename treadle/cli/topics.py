"""`treadle topics`: compares Kafka with topics.yaml, and applies the differences."""

import typer

from treadle.cli.options import AsJson
from treadle.cli.show import people, show
from treadle.settings import read_settings

app = typer.Typer(help="Compare Kafka with topics.yaml, and apply the differences.", no_args_is_help=True)


@app.command()
def plan(as_json: AsJson = False) -> None:
    """Show what differs. Changes nothing."""
    from streams.kafka.topic_admin import TopicAdmin

    settings = read_settings()
    changes = TopicAdmin(settings.kafka_properties()).plan(settings.planned_topics())
    rows = [{"topic": change.topic, "change": change.what, "why": change.why} for change in changes]
    show(rows, as_json=as_json, empty="nothing differs")


@app.command()
def apply() -> None:
    """Create what is missing and set what differs. Never deletes, never shrinks; safe to repeat."""
    from streams.kafka.topic_admin import TopicAdmin

    settings = read_settings()
    admin = TopicAdmin(settings.kafka_properties())
    changes = admin.plan(settings.planned_topics())
    admin.apply(changes)
    done = [change for change in changes if change.what != "note"]
    for change in changes:
        people().print(f"{change.what} {change.topic}: {change.why}")
    people().print(f"changes made: {len(done)}" if done else "nothing differs")
