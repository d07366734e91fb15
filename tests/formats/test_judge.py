"""Verdicts on types, and on the columns of a plan."""

from __future__ import annotations

from typing import Any

import pytest

import sparkscale as ss
from sparkscale.formats.judge import judge, kind_of, read_verdict, verdict, warning
from sparkscale.pipeline.plan import Plan, plan
from sparkscale.pipeline.schema import Schema


def planned(**types: Any) -> Plan:
    """Return the plan of a job that scales ``x`` beside columns of the given types."""
    fields = [{"name": name, "type": type_} for name, type_ in {"x": "double", **types}.items()]
    return plan([ss.MinMax("x")], Schema.of({"fields": fields}))


def array(type_: Any) -> dict[str, Any]:
    return {"type": "array", "elementType": type_, "containsNull": True}


def struct(**types: Any) -> dict[str, Any]:
    return {"type": "struct", "fields": [{"name": name, "type": type_} for name, type_ in types.items()]}


def mapped(key: Any, value: Any) -> dict[str, Any]:
    return {"type": "map", "keyType": key, "valueType": value, "valueContainsNull": True}


KINDS_OF = {
    "bigint": "int, bigint", "tinyint": "tinyint, smallint", "decimal(38,18)": "decimal",
    "decimal(50,0)": "decimal of more than 38 digits", "varchar(3)": "string", "time(6)": "time", "void": "void",
    "interval day to second": "interval", "array<int>": "array", "map by int": "map by another type than string",
    "geometry(4326)": "another type", "udt": "another type", "timestamp_ntz": "timestamp_ntz",
}  # fmt: skip


@pytest.mark.parametrize(("type_", "kind"), KINDS_OF.items())
def test_find_the_row_of_a_type(type_: str, kind: str) -> None:
    assert kind_of(type_) == kind


REFUSED = [
    ("spark", "csv", {"a": array("integer"), "b": "binary", "c": "string"}, ["'a'", "'b'"]),
    ("spark", "json", {"m": mapped("integer", "string"), "n": mapped("string", "integer")}, ["'m'"]),
    ("spark", "json", {"s": struct(a=array(mapped("date", "string")))}, ["'s'"]),
    ("spark", "delta", {"t": "time(6)", "s": struct(a=struct(b="void")), "v": "variant"}, ["'t'", "'s'"]),
    ("spark", "iceberg", {"v": "variant", "i": "interval day to second", "b": "byte"}, ["'v'", "'i'"]),
    ("spark", "orc", {"s": struct(t="time(0)"), "n": "void", "d": "date"}, ["'s'", "'n'"]),
    ("sail", "json", {"m": mapped("string", "integer"), "a": array("binary")}, ["'m'", "'a'"]),
    ("sail", "delta", {"d": "decimal(50,0)", "e": "decimal(38,0)"}, ["'d'"]),
    ("spark", "parquet", {"t": "time(6)", "v": "variant", "n": "void", "m": mapped("integer", "string")}, []),
]


@pytest.mark.parametrize(("engine", "format_", "types", "names"), REFUSED)
def test_refuse_columns_all_at_once(engine: str, format_: str, types: dict[str, Any], names: list[str]) -> None:
    problems, _ = judge(planned(**types), engine, format_)
    assert [next(name for name in names if f"column {name}" in problem.cause) for problem in problems] == names
    assert all(problem.code == "SCHEMA_FORMAT" and problem.hint for problem in problems)


WARNED: list[tuple[str, str, dict[str, Any]]] = [
    ("spark", "iceberg", {"a": "byte", "b": "short", "c": "integer", "d": array("byte")}),
    # A check of single values reaches no nested ones; those of a column of its own are checked, not warned of.
    ("sail", "json", {"a": array("double"), "b": "double"}),
    # Of other columns of nulls only, the rows that are written tell.
    ("sail", "json", {"a": "void", "b": "integer"}),
    ("spark", "orc", {"a": "timestamp", "b": array("timestamp"), "c": "timestamp_ntz"}),
]


def test_warn_of_what_a_format_changes(snapshot: Any) -> None:
    judged = [judge(planned(**types), engine, format_) for engine, format_, types in WARNED]
    assert not any(problems for problems, _ in judged)
    snapshot("\n".join(warning for _, warnings in judged for warning in warnings))


def test_judge_what_steps_write_by_its_new_type() -> None:
    fields = [{"name": "s", "type": array("integer")}, {"name": "b", "type": "byte"}]
    made = plan([ss.Softmax("s"), ss.MinMax("b")], Schema.of({"fields": fields}))
    assert judge(made, "spark", "iceberg") == ([], [])
    assert [problem.cause[:44] for problem in judge(made, "spark", "csv")[0]] == [
        "output.format csv cannot hold column 's', ar"
    ]


def test_leave_what_partitions_cannot_hold_to_the_sink() -> None:
    assert judge(planned(b="binary"), "spark", "csv", ["b"]) == ([], [])


def test_warn_of_partitions_whose_type_changes() -> None:
    types = {"a": "byte", "b": "short", "c": "integer", "d": "byte"}
    _, warnings = judge(planned(**types), "spark", "iceberg", ["a", "b", "c"])
    assert warnings == ["iceberg, columns 'a', 'b', 'd': Iceberg keeps the numbers as int"]
    assert judge(planned(**types), "spark", "delta", ["a", "b"]) == ([], [])


PARTITIONED = [
    ("spark", "iceberg", "time(6)"), ("spark", "delta", "time(6)"), ("sail", "delta", "time(6)"),
    ("sail", "delta", "void"), ("sail", "delta", "decimal(50,0)"), ("sail", "delta", "decimal(9,2)"),
    ("sail", "delta", "double"), ("sail", "delta", "float"), ("sail", "delta", "timestamp"),
    ("sail", "parquet", "binary"), ("spark", "iceberg", "struct"),
]  # fmt: skip


@pytest.mark.parametrize(("engine", "format_", "type_"), PARTITIONED)
def test_refuse_partitions(engine: str, format_: str, type_: str) -> None:
    assert verdict(engine, format_, kind_of(type_), partition=True).kept == "refused"


READ = [
    ("spark", "uint8", "warned"), ("spark", "uint64", "warned"), ("spark", "int8", "exact"),
    ("spark", "timestamp[ns, tz=UTC]", "refused"), ("spark", "timestamp[us, tz=UTC]", "exact"),
    ("spark", "decimal256(50, 10)", "refused"), ("spark", "decimal256(38, 10)", "exact"),
    ("spark", "decimal128(38, 0)", "exact"), ("spark", "time64[us]", "exact"), ("spark", "time32[ms]", "refused"),
    ("spark", "dictionary<values=string, indices=int32, ordered=0>", "exact"),
    ("sail", "dictionary<values=string, indices=int32, ordered=0>", "refused"),
    ("sail", "list<element: uint8>", "refused"), ("sail", "uint8", "warned"), ("sail", "decimal256(50, 10)", "exact"),
    ("sail", "int96", "warned"), ("spark", "int96", "exact"), ("sail", "halffloat", "refused"),
]  # fmt: skip


@pytest.mark.parametrize(("engine", "type_", "kept"), READ)
def test_judge_types_that_are_read(engine: str, type_: str, kept: str) -> None:
    assert read_verdict(engine, type_).kept == kept


def test_name_every_column_that_is_changed() -> None:
    names = [f"c{number}" for number in range(101)]
    assert warning("orc", names[:100], "why") == f"orc, columns {', '.join(map(repr, names[:100]))}: why"
    assert warning("orc", names, "why").endswith("'c99' and 1 more: why")
