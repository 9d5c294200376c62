"""`treadle kinds`: lists the kinds of jobs."""

from treadle.catalogue import load_workers
from treadle.cli.options import AsJson
from treadle.cli.show import show
from treadle.settings import read_settings


def kinds(as_json: AsJson = False) -> None:
    """List the kinds of jobs: queue, fields, ordering key, retries, and the Ruby worker each replaces."""
    from consumers.worker import declared

    rows = [
        {
            "kind": kind.name,
            "queue": kind.queue.value,
            "fields": ", ".join(kind.fields),
            "key": kind.key or "",
            "policy": str(kind.policy),
            "replaces": ", ".join(kind.replaces),
            "worker": "yes" if declared.find(kind.name) else "no",
        }
        for kind in load_workers(read_settings().workers).values()
    ]
    show(rows, as_json=as_json, empty="no kinds")
