"""The page of the round trip: verdicts that were kept come back, and a cell names the engine that differs."""

from __future__ import annotations

import sys

from tests.processes import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
from roundtrips import page
from roundtrips.compare import EXACT, REFUSED, WARNED, WRONG, Verdict

FOUND: page.Verdicts = {
    ("sail", "parquet", "orc"): {"int8": Verdict(REFUSED, "no ORC")},
    ("sail", "parquet", "csv"): {"int8": Verdict(REFUSED, "no")},
    ("spark", "parquet", "csv"): {"int8": Verdict(EXACT)},
    ("connect", "parquet", "csv"): {"int8": Verdict(EXACT)},
    ("spark", "csv", "iceberg"): {
        "int8": Verdict(WARNED, "iceberg, columns 'c_int8', 'c_int16' and 3 more: kept as int"),
        "int16": Verdict(WRONG, "column c_int16: 1 became 2"),
    },
}


def test_read_kept_verdicts() -> None:
    assert page.parsed(page.as_json(FOUND)) == FOUND


def test_name_the_engine_that_differs_and_leave_out_what_it_lacks() -> None:
    lines = page.whole(FOUND).splitlines()
    assert lines.index("## From parquet") < lines.index("## From csv")
    assert "| type | csv |" in lines  # and no ORC, which Sail alone was asked for
    assert "| int8 | exact; Sail: refused |" in lines
    assert "| Sail | 0 | 0 | 0 | 1 |" in lines
    assert lines[-1] == "- iceberg, a column: kept as int (int8)"


def test_gather_what_is_wrong() -> None:
    assert list(page.wrong(FOUND)) == ["spark: csv -> iceberg: int16: column C: 1 became 2"]
