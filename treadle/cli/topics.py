"""`treadle topics`: what differs between topics.yaml and Kafka, and making it so."""

from typing import Annotated

import typer

from treadle.cli.show import people, show
from treadle.settings import read_settings

app = typer.Typer(help="Compare topics.yaml with Kafka, and make it so.", no_args_is_help=True)


@app.command()
def plan(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Say what differs. Changes nothing."""
    from streams.topic_plan import TopicAdmin

    settings = read_settings()
    changes = TopicAdmin(settings.kafka_properties()).plan(settings.planned_topics())
    rows = [{"topic": change.topic, "change": change.what, "why": change.why} for change in changes]
    show(rows, as_json=as_json, empty="nothing differs")


@app.command()
def apply() -> None:
    """Make what is missing and set what differs. Never deletes, never shrinks; harmless when repeated."""
    from streams.topic_plan import TopicAdmin

    settings = read_settings()
    admin = TopicAdmin(settings.kafka_properties())
    changes = admin.plan(settings.planned_topics())
    admin.apply(changes)
    done = [change for change in changes if change.what != "note"]
    for change in changes:
        people().print(f"{change.what} {change.topic}: {change.why}")
    people().print(f"{len(done)} changes made" if done else "nothing differs")
