"""Several files: an input whose files differ in their columns, and the rows of each file of an output."""

from __future__ import annotations

from typing import Any

import pyarrow.parquet as pq

from tests.connect.kept.cases import ENGINES, Case, case, table, to
from tests.connect.kept.marks import on

CASES: dict[str, Case] = {
    "column of later files": case({"a.parquet": table(y=[1, 2]), "b.parquet": table(y=[3], z=["kept"])}, engines=ENGINES),
    "rows per file": case(table(y=[1, 2, 3]), output=to("parquet", rows_per_file=2)),
}  # fmt: skip


@on(*ENGINES)
def test_keep_a_column_of_later_files(done: Any) -> None:
    found = done("column of later files").read()
    rows = sorted(zip(found["y"].to_pylist(), found["z"].to_pylist(), strict=True))
    assert rows == [(1, None), (2, None), (3, "kept")]


def test_limit_the_rows_of_a_file_or_refuse(done: Any) -> None:
    one = done("rows per file")
    if done.engine == "sail":
        assert (one()["exit"], one()["code"]) == (78, "CONFIG_OPTION")
        assert not (one.folder / "out").exists()
        return
    assert sorted(pq.read_metadata(file).num_rows for file in (one.folder / "out").glob("*.parquet")) == [1, 2]
