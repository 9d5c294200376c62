"""Which rows an open transaction has changed, before and after; read from PostgreSQL, whatever SQL ran.

PostgreSQL marks every row version with the transactions that created and ended it. Within the transaction the new
versions are those it created (`xmin`); from a second connection the old ones are those it ended (`xmax`). Only tables
that the transaction has written to are read, each once from start to end.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, text

Row = dict[str, Any]
Key = tuple[Any, ...]
Changes = dict[str, dict[str, Any]]
"""Per table: `inserted` (rows), `deleted` (keys), `updated` ({"key", "changes": {column: [old, new]}}), and
`deleted_rows` as they were."""

# Rows that are routinely deleted and created again are identified by what they are about.
_NATURAL: dict[str, tuple[str, ...]] = {
    "pg_search_documents": ("searchable_type", "searchable_id"),
    "stance_receipts": ("poll_id", "voter_id", "inviter_id"),
}
_UNIMPORTANT = {"pg_search_documents": {"id", "created_at", "updated_at"}, "stance_receipts": {"id"}}

_TOUCHED = text(
    "SELECT relname, n_tup_ins, n_tup_del FROM pg_stat_xact_user_tables WHERE schemaname = 'public'"
    " AND n_tup_ins + n_tup_upd + n_tup_del > 0 ORDER BY relname"
)
_PRIMARY_KEY = text(
    "SELECT a.attname FROM pg_index i"
    " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)"
    " WHERE i.indisprimary AND i.indrelid = to_regclass(:table) ORDER BY a.attnum"
)


def row_changes(db: Connection, outside: Connection) -> Changes:
    """The rows of Loomio's tables that the transaction on `db` has changed so far.

    In the format of the golden cases. `outside` is another connection to the same database. What savepoints changed is
    not seen: their rows have transaction ids of their own.
    """
    xid = db.execute(text("SELECT pg_current_xact_id()::xid::text")).scalar_one()
    changes: Changes = {}
    for touched in db.execute(_TOUCHED).all():
        if found := _table_changes(db, outside, touched, xid):
            changes[touched.relname] = found
    return changes


def _table_changes(db: Connection, outside: Connection, touched: Any, xid: str) -> dict[str, Any]:
    table = touched.relname
    quoted = f'public."{table}"'
    key = _NATURAL.get(table) or tuple(db.execute(_PRIMARY_KEY, {"table": quoted}).scalars())
    created = text(f"SELECT to_jsonb(t) FROM {quoted} t WHERE xmin::text = :xid")
    ended = text(f"SELECT to_jsonb(t) FROM {quoted} t WHERE xmax::text = :xid")
    new = _keyed(db.execute(created, {"xid": xid}).scalars(), key)
    old = _keyed(outside.execute(ended, {"xid": xid}).scalars(), key)
    if len(new.keys() - old.keys()) > touched.n_tup_ins:
        # More than were inserted: someone else holds locks on updated rows, which hides who ended them.
        old |= _by_key(outside, quoted, key, new.keys() - old.keys())
    gone = old.keys() - new.keys()
    if len(gone) > touched.n_tup_del:
        gone -= _by_key(db, quoted, key, gone).keys()  # what was only locked is still there
    deleted = [_shown(k) for k in gone]
    deleted_rows = [old[k] for k in gone]
    inserted = [row for k, row in new.items() if k not in old]
    unimportant = _UNIMPORTANT.get(table, set())
    updated = []
    for k in new.keys() & old.keys():
        differs = {
            column: [old[k][column], value]
            for column, value in new[k].items()
            if old[k][column] != value and column not in unimportant
        }
        if differs:
            updated.append({"key": _shown(k), "changes": differs})
    updated.sort(key=lambda change: str(change["key"]))
    found = {
        "inserted": inserted,
        "deleted": sorted(deleted, key=str),
        "deleted_rows": deleted_rows,
        "updated": updated,
    }
    return {name: rows for name, rows in found.items() if rows}


def _by_key(db: Connection, quoted: str, key: tuple[str, ...], wanted: set[Key]) -> dict[Key, Row]:
    columns = ", ".join(f'"{name}"' for name in key)
    these = text(
        f"SELECT to_jsonb(t) FROM {quoted} t"
        f" WHERE jsonb_build_array({columns}) IN (SELECT jsonb_array_elements(CAST(:wanted AS jsonb)))"
    )
    return _keyed(
        db.execute(these, {"wanted": json.dumps([list(values) for values in wanted])}).scalars(), key
    )


def _keyed(rows: Any, key: tuple[str, ...]) -> dict[Key, Row]:
    return {tuple(row[name] for name in key): row for row in rows}


def _shown(key: Key) -> Any:
    return key[0] if len(key) == 1 else list(key)
