"""The data dictionary: what the schema says of itself, as Markdown."""

from stockjax.warehouse.connection import Warehouse
from stockjax.warehouse.statements import statement

_HEAD = """# The warehouse

This folder holds the data: `stockjax.duckdb` (the writer's file), `snapshot.duckdb` (its read-only
copy, which readers open), `models/` and `reports/`. None of that is tracked; `queries/` has example
queries. This page is made from the comments of the schema by `stockjax dictionary`; times are UTC.
"""


def data_dictionary(warehouse: Warehouse) -> str:
    """Every table and view with its columns, types and comments, as one Markdown page."""
    with warehouse.read_snapshot() as connection:
        rows = connection.execute(statement("data_dictionary")).fetchall()
    parts, current = [_HEAD], None
    for relation, kind, about, column, data_type, comment in rows:
        if relation != current:
            current = relation
            parts.append(
                f"\n## {relation} ({kind})\n\n{about}\n\n| column | type | meaning |\n| --- | --- | --- |\n"
            )
        parts.append(f"| `{column}` | {data_type} | {comment.replace('|', chr(92) + '|')} |\n")
    return "".join(parts)
