"""What the suites share: how large the tables are, artifacts and job files over them."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

_JOB = """\
version: 1
name: benchmark
input: {{format: parquet, path: {data}}}
steps: [{{kind: standard, columns: ["f*"], ddof: 1}}]
artifact: {{path: {stats}}}
output: {{format: parquet, path: {out}, mode: overwrite}}
"""


@dataclass(frozen=True)
class Bench:
    """Where the tables are, and how large they are made."""

    folder: Path
    rows: int
    cols: int | None
    quick: bool

    def widths(self, *usual: int) -> tuple[int, ...]:
        """Return the numbers of columns: what the command asks for, or the usual."""
        if self.cols:
            return (self.cols,)
        return (12,) if self.quick else usual

    def cells(self, cols: int) -> int:
        """Return rows of a table of so many columns, for about as many cells as `rows` of 20 columns have, or fewer."""
        return max(self.rows // max(1, cols // 50), 1000)


def fitted(bench: Bench, table: str, step: str) -> dict[str, str]:
    """Fit a step over a table by pyarrow's columns, and save it; returns what the transforms are given."""
    import sparkscale as ss

    kind, columns = step.split(": ")
    place = bench.folder / f"artifact-{Path(table).name}-{kind}"
    if not place.exists():
        import numpy as np
        import pyarrow.parquet as pq

        read = pq.read_table(table)
        wanted = [name for name in read.column_names if name.startswith(columns.rstrip("*"))]
        arrays = {name: np.stack(read[name].to_numpy()) if name == "v" else read[name].to_numpy() for name in wanted}
        steps = {"standard": functools.partial(ss.Standard, ddof=1), "min_max": ss.MinMax, "softmax": ss.Softmax}
        ss.Pipeline([steps[kind](wanted if columns != "v" else "v")]).fit_arrays(arrays).save(str(place))
    return {"data": table, "fitted": str(place)}


def job_file(bench: Bench, data: str, out: str, name: str = "job") -> str:
    """Write a job file over a table; returns its place."""
    file = bench.folder / f"{name}.yaml"
    quoted = {
        "data": json.dumps(data),
        "out": json.dumps(out),
        "stats": json.dumps(str(bench.folder / f"{name}-stats")),
    }
    file.write_text(_JOB.format(**quoted), encoding="utf-8")
    return str(file)
