"""Cases: jobs with their input files and engines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import write_deltalake

from tests.connect.kept.values import X

ENGINES = ("classic", "connect", "sail")
#: The default. Connect runs Spark too: a few cases show that settings and checks reach it.
TWO = ("classic", "sail")
SPARK = ("classic", "connect")
NOT_SAIL = ("classic",)


@dataclass(frozen=True)
class Lake:
    """A Delta table that another writer writes."""

    content: pa.Table
    partition_by: list[str]


@dataclass(frozen=True)
class Case:
    """Input files and jobs, both by name. A job has the sections of its file that differ from those of `job`."""

    files: Mapping[str, pa.Table | bytes | Lake]
    jobs: Mapping[str, Mapping[str, Any]]
    engines: tuple[str, ...] = TWO


def case(files: Mapping[str, Any] | pa.Table, *, engines: tuple[str, ...] = TWO, **sections: Any) -> Case:
    """Return a case of one job, named ``job``."""
    tables = files if isinstance(files, Mapping) else {"a.parquet": files}
    return Case(tables, {"job": sections}, engines)


def table(**columns: Any) -> pa.Table:
    """Return a table with ``x``, which the jobs scale."""
    size = len(next(iter(columns.values())))
    return pa.table({"x": X.slice(0, size), **columns})


def of_type(type_: pa.DataType, value: Any) -> pa.Table:
    """Return a table with one row: a value in a column ``c`` of a type."""
    return table(c=pa.array([value], type_))


def lake(*partition_by: str, **columns: Any) -> dict[str, Lake]:
    """Return the files of an input that is a Delta table."""
    return {"": Lake(table(**columns), list(partition_by))}


def to(format_: str, **more: Any) -> dict[str, Any]:
    """Return the section of an output."""
    return {"format": format_, "path": "out", "mode": "overwrite", **more}


def job(sections: Mapping[str, Any]) -> str:
    """Return the text of a job file; None removes a section."""
    parts = {
        "version": 1,
        "input": {"format": "parquet", "path": "in"},
        "steps": [{"kind": "maxabs", "columns": "x"}],
        "output": to("parquet"),
        "self_check": 0,
        **sections,
    }
    return "\n".join(f"{key}: {json.dumps(value)}" for key, value in parts.items() if value is not None)


def write(folder: Path, one: Case) -> None:
    """Write a case's files and jobs."""
    for file, content in one.files.items():
        (folder / "in" / file).parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Lake):
            write_deltalake(str((folder / "in" / file).resolve()), content.content, partition_by=content.partition_by)
        elif isinstance(content, bytes):
            (folder / "in" / file).write_bytes(content)
        else:
            pq.write_table(content, folder / "in" / file)
    for name, sections in one.jobs.items():
        (folder / f"{name}.yaml").write_text(job(sections), encoding="utf-8")


#: Inputs that several modules use.
MONTHS = {f"month={month}/a.parquet": table(y=[number]) for number, month in enumerate(["1", "02", "10"])}
GIVEN = {"format": "parquet", "path": "in", "partitions": "month int"}
FROM_DELTA = {"format": "delta", "path": "in"}
