"""What a Delta table's own log says of it, on this machine: engines leave things out, or cannot describe a path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from sparkscale.errors import DataError


def metadata(folder: Path) -> dict[str, Any]:
    """Return the newest ``metaData`` of a table's log.

    Raises:
        DataError: (65) without one.
    """
    log = folder / "_delta_log"
    for commit in sorted(log.glob("*.json"), reverse=True):
        for line in commit.read_text(encoding="utf-8").splitlines():
            if meta := json.loads(line).get("metaData"):
                return dict(meta)
    for checkpoint in sorted(log.glob("*.checkpoint*.parquet"), reverse=True):  # once older commits are cleaned up
        for row in pq.read_table(checkpoint, columns=["metaData"])["metaData"].drop_null().to_pylist():
            return dict(row)
    raise DataError("OUTPUT_DAMAGED", f"expected a table's columns in {log}, found none", "restore its log")


def columns(folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the type of each column, as the log has it, and the columns of partitions; none where there is no log."""
    if not any((folder / "_delta_log").glob("*.*")):
        return {}, []
    known = metadata(folder)
    fields = json.loads(known.get("schemaString") or "{}").get("fields", [])
    return {field["name"]: field["type"] for field in fields}, list(known.get("partitionColumns") or ())
