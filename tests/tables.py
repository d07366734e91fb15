"""Tables read by libraries that have nothing of Spark in them."""

from __future__ import annotations

from pathlib import Path

import deltalake
import pyarrow as pa
import pyarrow.dataset
from pyiceberg.table import StaticTable


def independent(place: str, format_: str) -> pa.Table:
    """Read a table: Delta by deltalake, Iceberg by pyiceberg, files by pyarrow."""
    if format_ == "delta":
        return pa.table(deltalake.DeltaTable(place).to_pyarrow_dataset().to_table())
    if format_ == "iceberg":
        return StaticTable.from_metadata(str(newest_metadata(place))).scan().to_arrow()
    return pyarrow.dataset.dataset(place, format=format_, partitioning="hive").to_table()


def newest_metadata(place: str) -> Path:
    """Return the newest metadata file of an Iceberg table in a Hadoop catalog."""
    return max(Path(place, "metadata").glob("*.metadata.json"), key=lambda path: int(path.name[1:].split(".")[0]))
