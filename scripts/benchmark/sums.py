"""What a written table is compared by."""

from __future__ import annotations

from typing import Any


def sums(out: str) -> dict[str, Any]:
    """Return of each column the sum of magnitudes and of squares, read by pyarrow: the same rows, in any order."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(out)
    columns = sorted(name for name in table.column_names if name.startswith("f"))
    values = {
        name: pc.list_flatten(table[name]) if str(table[name].type).startswith("list") else table[name]
        for name in columns
    }
    return {
        "rows": table.num_rows,
        "columns": len(columns),
        "magnitudes": [pc.sum(pc.abs(column)).as_py() for column in values.values()],
        "squares": [pc.sum(pc.multiply(column, column)).as_py() for column in values.values()],
    }
