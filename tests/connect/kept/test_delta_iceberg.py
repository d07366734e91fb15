"""Delta and Iceberg: their partitions, their modes, and the types that they lack."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from tests.connect.kept.cases import FROM_DELTA, NOT_SAIL, TWO, Case, Lake, case, lake, table, to
from tests.connect.kept.marks import for_each, on
from tests.connect.kept.readers import same
from tests.connect.kept.values import NEGATIVE, POSITIVE, SIMPLE

#: A text that the type of its column does not hold: found while writing.
INEXACT = {"a.csv": b"x,d\n1.0,1.555\n"}
TEXT_INPUT = {"format": "csv", "path": "in", "schema": "x double, d decimal(10,2)"}
CASES: dict[str, Case] = {
    **{f"partition delta by {name}": case(table(k=SIMPLE[name]), output=to("delta", partition_by=["k"]))
       for name in ("i64", "decimal", "flag", "day", "zoned", "local")},
    "partition iceberg by empty": case(table(k=pa.array(["a", "", None])), output=to("iceberg", partition_by=["k"]),
                                       engines=NOT_SAIL),
    "partition iceberg by small numbers": case(table(k=SIMPLE["i8"], d=SIMPLE["i16"]), output=to("iceberg", partition_by=["k"]),
                                               engines=NOT_SAIL),
    "add to delta by negative numbers": case({"a.parquet": table(k=NEGATIVE), "../out": Lake(table(k=POSITIVE), ["k"])},
                                             output=to("delta", mode="append"), engines=("sail",)),
    "delta again": Case({"a.parquet": table(k=pa.array(["a", "b"]))}, {
        f"job{number}": {"output": to("delta", mode=mode, partition_by=["k"]), "name": f"run {number}"}
        for number, mode in enumerate(["error", "append", "overwrite", "append", "error"])}),
    "delta at an odd path": case(table(y=[1]), output=to("delta", path="a b%20c/out"), engines=("sail",)),
    "delta partitions": Case({"a.parquet": table(k=pa.array(["a", "b"]))}, {
        "job1": {"output": to("delta", partition_by=["k"])},
        "job2": {"input": {"format": "parquet", "path": "in", "where": {"k": "a"}},
                 "output": to("delta", mode="overwrite_partitions", partition_by=["k"])}}),
    **{f"a first write to {name} that fails": Case(INEXACT, {
        "job1": {"input": TEXT_INPUT, "output": to(name, mode="error")},
        "job2": {"input": {**TEXT_INPUT, "schema": "x double, d string"}, "output": to(name, mode="error")},
    }, TWO if name == "delta" else NOT_SAIL) for name in ("delta", "iceberg")},
    "delta of no type": case(lake(c=pa.nulls(2), d=pa.array([1, 2])), input=FROM_DELTA),
    "delta of fixed lists": case(lake(c=pa.array([[1.0, 2.0], None], pa.list_(pa.float32(), 2))), input=FROM_DELTA),
}  # fmt: skip


@pytest.mark.parametrize("name", ["i64", "decimal", "flag", "day", "zoned", "local"])
def test_keep_values_of_partitions_in_delta(done: Any, name: str) -> None:
    if done.engine == "sail" and name in ("decimal", "zoned"):
        one = done(f"partition delta by {name}")
        assert (one()["exit"], one()["code"]) == (65, "SCHEMA_TYPE")
        assert "column 'k' is " in one()["problems"][0]
        assert not (one.folder / "out").exists()
        return
    found = done(f"partition delta by {name}").read("delta")
    assert same(found["k"].to_pylist(), SIMPLE[name].to_pylist())


@on("classic")
def test_keep_empty_partitions_apart_in_iceberg(done: Any) -> None:
    assert done("partition iceberg by empty").read("iceberg")["k"].to_pylist() == ["a", "", None]


@on("classic")
def test_warn_of_partitions_that_iceberg_widens(done: Any) -> None:
    one = done("partition iceberg by small numbers")
    assert [warning for warning in one()["warnings"] if "columns 'k', 'd': Iceberg keeps" in warning], one()
    found = one.read("iceberg")
    assert (found["k"].to_pylist(), found["d"].to_pylist()) == (SIMPLE["i8"].to_pylist(), SIMPLE["i16"].to_pylist())


@on("sail")
def test_refuse_to_add_a_partition_that_a_log_cannot_hold(done: Any) -> None:
    one = done("add to delta by negative numbers")
    assert (one()["exit"], one()["code"]) == (65, "SCHEMA_TYPE"), one()
    assert one.table("delta").num_rows == 2


def test_replace_partitions_of_delta_or_refuse(done: Any) -> None:
    one = done("delta partitions")
    assert one("job1")["exit"] == 0
    assert one("job2")["exit"] == (78 if done.engine == "sail" else 0), one("job2")
    assert sorted(one.table("delta")["k"].to_pylist()) == ["a", "b"]


def test_write_delta_again(done: Any) -> None:
    one = done("delta again")
    assert [one(f"job{number}")["exit"] for number in range(4)] == [0, 0, 0, 0], one("job1")
    assert (one("job4")["exit"], one("job4")["code"]) == (73, "OUTPUT_EXISTS")
    assert sorted(one.table("delta")["k"].to_pylist()) == ["a", "a", "b", "b"]


@on("sail")
def test_refuse_a_path_that_sail_would_change(done: Any) -> None:
    """It writes to ``a%20b`` where it is given ``a b``, and says that all is well."""
    one = done("delta at an odd path")
    assert (one()["exit"], one()["code"]) == (78, "CONFIG_PATH")
    assert {path.name for path in one.folder.iterdir()} == {"in", "job.yaml", "job.json"}


@for_each(
    CASES, "name, format_", [(f"a first write to {format_} that fails", format_) for format_ in ("delta", "iceberg")]
)
def test_leave_nothing_of_a_first_write_that_fails(done: Any, name: str, format_: str) -> None:
    one = done(name)
    assert (one("job1")["exit"], one("job1")["code"]) == (65, "DATA_INEXACT"), one("job1")
    assert "decimal(10,2) holds exactly, found 1.555" in one("job1")["problems"][0]
    assert one("job2")["exit"] == 0, one("job2")
    assert one.table(format_)["d"].to_pylist() == ["1.555"]


def test_tell_of_columns_without_a_type_in_delta(done: Any) -> None:
    one = done("delta of no type")
    if done.engine == "sail":
        assert (one()["exit"], one()["code"]) == (65, "SCHEMA_TYPE")
    else:
        assert [warning for warning in one()["warnings"] if "'c' has no type" in warning], one()
        assert one.read()["d"].to_pylist() == [1, 2]


def test_read_fixed_lists_of_delta_or_say_the_way_out(done: Any) -> None:
    one = done("delta of fixed lists")
    if done.engine == "sail":
        assert (one()["exit"], one()["code"]) == (65, "SCHEMA_TYPE")
        assert "set spark.engine: spark" in one()["problems"][0]
    else:
        assert one.read()["c"].to_pylist() == [[1.0, 2.0], None]
