"""The history that Loomio keeps of its records: rows of `versions`, written at every save with callbacks."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from consumers.loomio.schema.tables import versions


def record_update(
    db: Connection, item_type: str, item_id: int, changes: Mapping[str, tuple[Any, Any]], *, at: datetime
) -> int:
    """Record what changed in a record, as {column: (before, after)}. Returns the version's id.

    Pass tracked columns only; `updated_at` is not one of them.
    """
    version = insert(versions).values(
        item_type=item_type,
        item_id=item_id,
        event="update",
        object_changes={column: [_plain(value) for value in pair] for column, pair in changes.items()},
        created_at=at,
    )
    return int(db.execute(version.returning(versions.c.id)).scalar_one())


def newest(db: Connection, item_type: str, item_id: int) -> int | None:
    """The id of a record's newest version, or None when it has none."""
    mine = (versions.c.item_type == item_type) & (versions.c.item_id == item_id)
    return db.scalar(select(versions.c.id).where(mine).order_by(versions.c.id.desc()).limit(1))


def _plain(value: Any) -> Any:
    """A value for JSON: times as ISO 8601 in UTC with milliseconds, as Rails writes them."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value
