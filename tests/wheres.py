"""`input.where` over tables with NaN, for every engine and layout: which rows are kept."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

NAN = math.nan
X: list[float | None] = [1.0, NAN, 20.0, NAN, None, 10.0, -math.inf, math.inf, 0.0]


def _holds(test: Callable[[float], bool]) -> list[int]:
    """Return the rows whose value satisfies a comparison, by the rule: a null or NaN satisfies none."""
    return [row for row, value in enumerate(X) if value is not None and not math.isnan(value) and test(value)]


#: A condition on x, and the rows that it keeps.
CASES: list[tuple[Any, list[int]]] = [
    ({"gt": 10}, _holds(lambda x: x > 10)),
    ({"ge": 10}, _holds(lambda x: x >= 10)),
    ({"lt": 10}, _holds(lambda x: x < 10)),
    ({"le": 10}, _holds(lambda x: x <= 10)),
    ({"ne": 20}, _holds(lambda x: x != 20)),
    (20, _holds(lambda x: x == 20)),
    ([1, 20.0], _holds(lambda x: x in (1, 20))),
    ({"ge": 0, "lt": 20}, _holds(lambda x: 0 <= x < 20)),
    ({"nan": True}, [1, 3]),
    ({"nan": False}, [0, 2, 4, 5, 6, 7, 8]),
    ({"nan": False, "null": False}, [0, 2, 5, 6, 7, 8]),
    ({"null": False}, [0, 1, 2, 3, 5, 6, 7, 8]),
    ({"null": True}, [4]),
    ({"nan": False, "ne": 0}, _holds(lambda x: x != 0)),
]
COLUMNS = ("x", "f", "s.x")


def tables(folder: Path) -> Mapping[str, tuple[str, Path]]:
    """Write the table in several layouts; returns their formats and places."""
    table = pa.table({
        "row": list(range(len(X))), "x": pa.array(X, pa.float64()), "f": pa.array(X, pa.float32()),
        "s": pa.array([{"x": value} for value in X], pa.struct([("x", pa.float64())])),
    })  # fmt: skip
    made = {}
    for size in (1, 2, 3, len(X)):
        made[f"groups of {size}"] = ("parquet", folder / f"{size}.parquet")
        pq.write_table(table, folder / f"{size}.parquet", row_group_size=size)
    pq.write_table(table, folder / "bare.parquet", row_group_size=2, write_statistics=False, use_dictionary=False)
    made["no statistics"] = ("parquet", folder / "bare.parquet")
    lines = ["row,x,f", *(f"{row},{_text(value)},{_text(value)}" for row, value in enumerate(X))]
    (folder / "x.csv").write_text("\n".join(lines) + "\n")
    made["csv"] = ("csv", folder / "x.csv")
    return made


def _text(value: float | None) -> str:
    if value is None:
        return ""
    return "NaN" if math.isnan(value) else {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, repr(value))


def kept(spark: Any, format_: str, place: Path, column: str, rule: Any) -> list[int]:
    """Return the rows that a job's reader keeps."""
    from sparkscale.config.data import Input
    from sparkscale.config.predicates import conditions
    from sparkscale.spark.columns import schema_of
    from sparkscale.spark.sources.narrowing import narrowed
    from sparkscale.spark.sources.read import read

    section = {"format": format_, "path": str(place), "where": {column: rule}}
    source = Input.model_validate(section | ({"schema": "row int, x double, f float"} if format_ == "csv" else {}))
    df, _ = read(spark, source)
    predicates, problems = conditions(source.where, schema_of(df), "the table")
    assert not problems, problems
    return sorted(row[0] for row in narrowed(df, predicates).select("row").collect())


def results(spark: Any, folder: Path) -> dict[str, list[int]]:
    """Return what every condition keeps of every layout and column."""
    return {
        f"{layout}, {column}, {rule}": kept(spark, format_, place, column, rule)
        for layout, (format_, place) in tables(folder).items()
        for column in COLUMNS
        if format_ != "csv" or column != "s.x"
        for rule, _ in CASES
    }


def wrong(found: Mapping[str, list[int]]) -> dict[str, list[int]]:
    """Return what differs from the rule."""
    expected = {str(rule): rows for rule, rows in CASES}
    return {name: rows for name, rows in found.items() if rows != expected[name.split(", ", 2)[2]]}


def main(folder: Path) -> None:
    """Print what Sail keeps."""
    from sparkscale.config.models import Spark
    from sparkscale.spark.session.session import session

    with session(Spark(engine="sail"), "wheres") as spark:
        print(json.dumps(results(spark, folder)))  # noqa: T201 - read by the test


if __name__ == "__main__":
    main(Path(sys.argv[1]))
