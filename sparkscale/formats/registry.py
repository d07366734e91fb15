"""The formats that a job file may name. Light, so that a job file is checked without Spark.

The formats that sparkscale brings are listed here, as `sparkscale.config` imports no engine; a sink that is defined
elsewhere adds its own when its module is imported.
"""

from __future__ import annotations

from collections.abc import Collection

_BOTH, _SPARK = ("spark", "sail"), ("spark",)
#: What can be read, and by which engines; ``table`` is any table of a catalog.
READ: dict[str, Collection[str]] = {
    "parquet": _BOTH,
    "csv": _BOTH,
    "json": _BOTH,
    "orc": _SPARK,
    "delta": _BOTH,
    "iceberg": _SPARK,
    "table": _BOTH,
}
#: The same of what can be written.
WRITTEN: dict[str, Collection[str]] = dict(READ)
