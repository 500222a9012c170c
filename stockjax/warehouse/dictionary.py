"""The data dictionary: what the schema says of itself, as Markdown."""

from stockjax.quality.row_checks import CHECKS, CONTINUITY_CHECKS
from stockjax.warehouse.connection import Warehouse
from stockjax.warehouse.statements import statement

_HEAD = """# The warehouse

This folder holds the data: `stockjax.duckdb` (the writer's file), `snapshot.duckdb` (its read-only
copy, which readers open), `models/` and `reports/`. None of that is tracked; `queries/` has example
queries. This page is made from the comments of the schema by `stockjax dictionary`; times are UTC.
"""


_CHECKS = """
## What is checked

A row that a source delivers is held against all of these; `quarantine` has it under the check's name,
with the values that were delivered. Rows read = rows stored + rows stored before and unchanged + rows of
severity reject.

| check | severity | meaning |
| --- | --- | --- |
"""


def data_dictionary(warehouse: Warehouse) -> str:
    """Every table, view and macro with its columns and comments, and every check, as Markdown."""
    with warehouse.read_snapshot() as connection:
        rows = connection.execute(statement("data_dictionary")).fetchall()
        macros = connection.execute(statement("macros")).fetchall()
    parts, current = [_HEAD], None
    for relation, kind, about, column, data_type, comment in rows:
        if relation != current:
            current = relation
            parts.append(
                f"\n## {relation} ({kind})\n\n{about}\n\n| column | type | meaning |\n| --- | --- | --- |\n"
            )
        parts.append(f"| `{column}` | {data_type} | {comment.replace('|', chr(92) + '|')} |\n")
    parts += [
        f"\n## {name}({', '.join(parameters)}) (table macro)\n\n{about}\n"
        for name, parameters, about in macros
    ]
    parts.append(_CHECKS)
    for check in (*CHECKS, *CONTINUITY_CHECKS):
        repaired = f" {check.repair}" if check.repair else ""
        parts.append(f"| `{check.name}` | {check.severity} | {check.meaning}{repaired} |\n")
    return "".join(parts)
