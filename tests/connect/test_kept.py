# ruff: noqa: DTZ001 - times without a zone are among what is tried
"""What passes through stays what it was: types, partitions and several files, on every engine, by other readers."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from tests.processes import ROOT, environment
from tests.tables import independent

UTC = dt.UTC
TIMES = [
    dt.datetime(1, 1, 1, 0, 0, 0, 1),
    dt.datetime(1582, 10, 10, 1, 2, 3, 456789),
    dt.datetime(1899, 12, 31, 23, 59, 59, 999999),
    dt.datetime(2024, 2, 29, 12),
    None,
    dt.datetime(9999, 12, 31, 23, 59, 59, 999999),
]
DATES = [time and time.date() for time in TIMES]
TEXTS = ["", "  lead trail ", 'say "hi", "you"\nand\r\nyou\\', "00123", None, "NULL"]
MORE_TEXTS = ["NaN", "\\", '"', "#x\tz", "é\U0001f600", 'a;b|c\\"']
DECIMALS = [Decimal("12345678901234567890.123456789012345678"), Decimal(0), Decimal(-1), Decimal("1E-18"), None,
            Decimal("1E+10")]  # fmt: skip
DOUBLES = [0.1, math.nan, -math.inf, -0.0, None, 1.7976931348623157e308]
FINITE = [0.1, 5e-324, -1.0, -0.0, None, 1.7976931348623157e308]


def zoned(times: list[Any]) -> pa.Array:
    return pa.array([time and time.replace(tzinfo=UTC) for time in times], pa.timestamp("us", "UTC"))


#: Columns of every simple type, six values each.
SIMPLE: Mapping[str, pa.Array] = {
    "i8": pa.array([-128, 127, 0, 1, None, 5], pa.int8()),
    "i16": pa.array([-32768, 32767, 0, 1, None, 5], pa.int16()),
    "i32": pa.array([-(2**31), 2**31 - 1, 0, 1, None, 5], pa.int32()),
    "i64": pa.array([-(2**63), 2**63 - 1, 2**53 + 1, 1, None, 5], pa.int64()),
    "f32": pa.array([1.5, 1e-45, -1.0, -0.0, None, 3.4028235e38], pa.float32()),
    "f64": pa.array(FINITE),
    "whole": pa.array([Decimal(10**37), Decimal(1), Decimal(-1), Decimal(0), None, Decimal(7)], pa.decimal128(38, 0)),
    "decimal": pa.array(DECIMALS, pa.decimal128(38, 18)),
    "flag": pa.array([True, False, None, True, False, True]),
    "text": pa.array(TEXTS),
    "more": pa.array(MORE_TEXTS),
    "day": pa.array(DATES, pa.date32()),
    "zoned": zoned(TIMES),
    "local": pa.array(TIMES, pa.timestamp("us")),
    "none": pa.array([None] * 6, pa.string()),
}
NESTED: Mapping[str, pa.Array] = {
    "list": pa.array([[1, None], [], None, [3], [4], [5]], pa.list_(pa.int32())),
    "struct": pa.array([{"a": 1, "t": TIMES[0]}, None, *[{"a": None, "t": TIMES[5]}] * 4]),
    "map": pa.array([[("k", 1)], [], None, [("a", None)], [("z", 2)], [("q", 5)]], pa.map_(pa.string(), pa.int32())),
}
BYTES = pa.array([b"", b"\x00\xff", b"abc", None, b'"', b"\n"])
NANS = pa.array(DOUBLES)
X = pa.array([0.0, 1.0, 2.0, 3.0, 4.0, 8.0])
ENGINES = ("classic", "connect", "sail")
#: Connect is Spark behind another door: a few cases show that settings and checks pass through it.
TWO = ("classic", "sail")


@dataclass(frozen=True)
class Lake:
    """A Delta table by another writer."""

    content: pa.Table
    partition_by: list[str]


@dataclass(frozen=True)
class Case:
    """A job: its input's files by name, and what its file says beside the defaults."""

    files: Mapping[str, pa.Table | bytes | Lake]
    jobs: Mapping[str, Mapping[str, Any]]
    engines: tuple[str, ...] = TWO


def case(files: Mapping[str, Any] | pa.Table, *, engines: tuple[str, ...] = TWO, **sections: Any) -> Case:
    """Return a case of one job."""
    tables = files if isinstance(files, Mapping) else {"a.parquet": files}
    return Case(tables, {"job": sections}, engines)


def table(**columns: Any) -> pa.Table:
    """Return a table with ``x``, which the jobs scale."""
    size = len(next(iter(columns.values())))
    return pa.table({"x": X.slice(0, size), **columns})


def to(format_: str, **more: Any) -> dict[str, Any]:
    return {"format": format_, "path": "out", "mode": "overwrite", **more}


def job(sections: Mapping[str, Any]) -> str:
    """Return a job file."""
    parts = {
        "version": 1,
        "input": {"format": "parquet", "path": "in"},
        "steps": [{"kind": "maxabs", "columns": "x"}],
        "output": to("parquet"),
        "self_check": 0,
        **sections,
    }
    return "\n".join(f"{key}: {json.dumps(value)}" for key, value in parts.items() if value is not None)


ALL = table(**SIMPLE, **NESTED, bytes=BYTES, nan=NANS)
NOT_SAIL = ("classic",)
SPARK = ("classic", "connect")
FOLDERS = [
    "a/b",
    "a=b",
    "a%b",
    " b ",
    "é\U0001f600",
    "00501",
    "a'b\"c",
    "a:b?c*d",
    "..",
    "a\nb",
    "a%2Fb",
    "a\\b",
    "{x}[y]#",
    None,
]
ZIPS = {"zip=00501/a.parquet": table(y=[1]), "zip=501/a.parquet": table(y=[2]),
        "zip=__HIVE_DEFAULT_PARTITION__/a.parquet": table(y=[3])}  # fmt: skip
JSON_ZIPS = {"zip=00501/a.json": b'{"x": 1}\n', "zip=__HIVE_DEFAULT_PARTITION__/a.json": b'{"x": 3}\n'}
MONTHS = {f"month={month}/a.parquet": table(y=[number]) for number, month in enumerate(["1", "02", "10"])}
GIVEN = {"format": "parquet", "path": "in", "partitions": "month int"}
Z = {"a.parquet": table(y=[1, 2]), "b.parquet": table(y=[3], z=["kept"])}


def of_type(type_: pa.DataType, value: Any) -> pa.Table:
    return table(c=pa.array([value], type_))


def orc(content: pa.Table) -> bytes:
    """Return the bytes of an ORC file by pyarrow."""
    out = pa.BufferOutputStream()
    pa.orc.write_table(content, out)
    return bytes(out.getvalue())


def apart(one: pa.Array, other: pa.Array) -> dict[str, pa.Table]:
    return {"a.parquet": table(c=one), "b.parquet": table(c=other)}


def lake(*partition_by: str, **columns: Any) -> dict[str, Lake]:
    """Return the files of an input that is a Delta table."""
    return {"": Lake(table(**columns), list(partition_by))}


FROM_DELTA = {"format": "delta", "path": "in"}
PARIS = pa.array([dt.datetime(2026, 1, 31, 12, tzinfo=UTC), dt.datetime(2026, 7, 1, 0, 0, 0, 5, UTC), None],
                 pa.timestamp("us", "Europe/Paris"))  # fmt: skip
NEGATIVE = pa.array([Decimal("-9999999.99"), None], pa.decimal128(9, 2))
#: Deltalake's own writer spoils negative numbers as Sail does.
POSITIVE = pa.array([Decimal("1.25"), None], pa.decimal128(9, 2))
#: A text that its type does not hold, found while writing; and the same job with a type that does.
INEXACT = {"a.csv": b"x,d\n1.0,1.555\n"}
TEXT_INPUT = {"format": "csv", "path": "in", "schema": "x double, d decimal(10,2)"}
CASES: dict[str, Case] = {
    "a file of no bytes": case({"a.parquet": table(y=[1]), "b.parquet": b""}),
    "an ORC file of no bytes": case({"a.orc": orc(table(y=[1])), "b.orc": b""}, input={"format": "orc", "path": "in"},
                                    engines=NOT_SAIL),
    "rows per file": case(table(y=[1, 2, 3]), output=to("parquet", rows_per_file=2)),
    "partition not in the schema": case(ZIPS, input={"format": "parquet", "path": "in", "schema": "x double, y bigint"}),
    "partition not in the schema, JSON": case(JSON_ZIPS, input={"format": "json", "path": "in", "schema": "x double"}),
    "null partition in the schema": case({"k=7/a.parquet": table(y=[1]), "k=__HIVE_DEFAULT_PARTITION__/a.parquet": table(y=[2])},
                                         input={"format": "parquet", "path": "in", "schema": "x double, y bigint, k int"}),
    "null partition in the schema, CSV": case({"k=7/a.csv": b"x\n1\n", "k=__HIVE_DEFAULT_PARTITION__/a.csv": b"x\n2\n"},
                                              input={"format": "csv", "path": "in", "schema": "x double, k int"}),
    "escaped partitions": case({"k=%F0%9F%98%80/a.parquet": table(y=[1]), "k=caf%C3%A9/a.parquet": table(y=[2]),
                                "k=a%2Fb/a.parquet": table(y=[3])}),
    "partitions as they are": case({"k=\U0001f600/a.parquet": table(y=[1]), "k=caf\u00e9/a.parquet": table(y=[2])}),
    "partitions of two spellings": case({"k=%F0%9F%98%80/a.parquet": table(y=[1]), "k=caf\u00e9/a.parquet": table(y=[2])},
                                        engines=NOT_SAIL),
    "partition without a value": case({"k=/a.parquet": table(y=[1])}, engines=NOT_SAIL),
    "partitions of null": case({"k=__HIVE_DEFAULT_PARTITION__/a.parquet": table(y=[1])}, output=to("parquet", partition_by=["k"])),
    "ORC before 1970": case({"a.orc": orc(table(t=pa.array([dt.datetime(1969, 12, 31, 23, 59, 59, 999695)], pa.timestamp("us"))))},
                            input={"format": "orc", "path": "in"}, engines=NOT_SAIL),
    **{f"a first write to {name} that fails": Case(INEXACT, {
        "job1": {"input": TEXT_INPUT, "output": to(name, mode="error")},
        "job2": {"input": {**TEXT_INPUT, "schema": "x double, d string"}, "output": to(name, mode="error")},
    }, TWO if name == "delta" else NOT_SAIL) for name in ("delta", "iceberg")},
    "quoted empty text": case({"a.csv": b'x,d\n1.0,""\n'}, input={**TEXT_INPUT, "schema": "x double, d string"}),
    "parquet": case(ALL, engines=ENGINES),
    "delta": case(ALL, output=to("delta")),
    "iceberg": case(ALL, output=to("iceberg"), engines=NOT_SAIL),
    "orc": case(table(**{k: v for k, v in SIMPLE.items() if k not in ("day", "zoned")}, later=SIMPLE["zoned"].take([2, 3, 2, 3, 4, 3])),
                output=to("orc"), engines=NOT_SAIL),
    "orc before 1582": case(table(day=SIMPLE["day"]), output=to("orc"), engines=NOT_SAIL),
    "csv": case(table(**SIMPLE, nan=NANS), output=to("csv"), engines=SPARK),
    "csv null value": case(table(**SIMPLE, nan=NANS), output=to("csv", options={"nullValue": "\\N"})),
    "csv of one column": case(pa.table({"x": pa.array([1.0, None, 2.0])}), output=to("csv")),
    "csv empty": case(table(text=pa.array(TEXTS)), output=to("csv"), engines=("sail",)),
    "csv bytes": case(table(bytes=BYTES), output=to("csv")),
    "csv nested": case(table(**NESTED), output=to("csv")),
    "json": case(table(**SIMPLE, nan=NANS, list=NESTED["list"], map=NESTED["map"]), output=to("json"), engines=NOT_SAIL),
    "json of sail": case(table(**SIMPLE, list=NESTED["list"]), output=to("json"), engines=("sail",)),
    "json nan": case(table(nan=NANS), output=to("json"), engines=("sail",)),
    "json map by int": case(table(map=pa.array([[(1, 2)]], pa.map_(pa.int32(), pa.int32()))), output=to("json")),
    "time": case(table(c=pa.array([dt.time(1, 2, 3, 4), None])), engines=ENGINES),
    "time to csv": case(table(c=pa.array([dt.time(1, 2, 3, 4), None])), output=to("csv"), engines=ENGINES),
    "time to delta": case(table(c=pa.array([dt.time(1, 2, 3, 4), None])), output=to("delta")),
    "decimal 50": case(of_type(pa.decimal256(50, 0), Decimal(10**45))),
    "decimal 50 to delta": case(of_type(pa.decimal256(50, 0), Decimal(1)), output=to("delta")),
    "nanoseconds": case(of_type(pa.timestamp("ns"), 1577836800000000123)),
    "nanoseconds given": case(of_type(pa.timestamp("ns"), 1577836800000000123),
                              input={"format": "parquet", "path": "in", "schema": "x double, c timestamp_ntz"}),
    "float16": case(table(c=pa.array(np.array([1.5], dtype=np.float16)))),
    "milliseconds of a day": case(of_type(pa.time32("ms"), 1001)),
    "categories": case(table(c=pa.array(["a", "b", None, "a"]).dictionary_encode())),
    "fixed lists": case(of_type(pa.list_(pa.float64(), 2), [1.0, 2.0])),
    "large": case(table(c=pa.array(["a", None], pa.large_string()), d=pa.array([[1], None], pa.large_list(pa.int64())))),
    "unsigned": case(table(c=pa.array([255], pa.uint8()), d=pa.array([65535], pa.uint16()),
                           e=pa.array([2**32 - 1], pa.uint32()), f=pa.array([2**64 - 1], pa.uint64()))),
    "unsigned to delta": case(table(c=pa.array([255], pa.uint8()), d=pa.array([65535], pa.uint16())), output=to("delta")),
    "column of later files": case(Z, engines=ENGINES),
    "int and double": case(apart(pa.array([7], pa.int32()), pa.array([7.5]))),
    "int and long": case(apart(pa.array([7], pa.int32()), pa.array([7], pa.int64()))),
    "text and number": case(apart(pa.array(["7"]), pa.array([7]))),
    "decimals": case(apart(pa.array([Decimal("1.5")], pa.decimal128(5, 1)), pa.array([Decimal("1.55")], pa.decimal128(7, 2)))),
    "with zone and without": case(apart(pa.array([TIMES[3]], pa.timestamp("us")), zoned([TIMES[3]]))),
    "zip": case(ZIPS, output=to("parquet", partition_by=["zip"]), engines=ENGINES),
    "zip to a column": case(ZIPS, engines=ENGINES),
    "month by number": case(MONTHS, input={"format": "parquet", "path": "in", "where": {"month": {"ge": 2, "le": 11}}}),
    "month equals": case(MONTHS, input={"format": "parquet", "path": "in", "where": {"month": 2}}, engines=ENGINES),
    "month as text": case(MONTHS, input={"format": "parquet", "path": "in", "where": {"month": "02"}}),
    "month given": case(MONTHS, engines=ENGINES, input=GIVEN, steps=[{"kind": "maxabs", "columns": ["x", "month"]}]),
    "month in the schema": case(MONTHS, input={"format": "parquet", "path": "in", "schema": "x double, y bigint, month int"}),
    "month in a step": case(MONTHS, steps=[{"kind": "maxabs", "columns": ["x", "month"]}]),
    "month of no number": case({**MONTHS, "month=may/a.parquet": table(y=[9])}, input=GIVEN),
    "partition that is none": case(MONTHS, input={**GIVEN, "partitions": "year int"}),
    "month of the artifact": Case(MONTHS, {
        "fit": {"input": GIVEN, "steps": [{"kind": "maxabs", "columns": ["x", "month"]}], "artifact": {"path": "stats"}, "output": None},
        "transform": {"steps": None, "artifact": {"path": "stats"}}}),
    "partition by text": case(table(k=pa.array(FOLDERS[:6])), output=to("parquet", partition_by=["k"])),
    "partition by more text": case(table(k=pa.array(FOLDERS[6:12])), output=to("parquet", partition_by=["k"])),
    "partition by null": case(table(k=pa.array([*FOLDERS[12:], "NULL"])), output=to("parquet", partition_by=["k"])),
    "partition by empty": case(table(k=pa.array(["a", ""])), output=to("parquet", partition_by=["k"]), engines=ENGINES),
    "partition by the name of null": case(table(k=pa.array(["a", "__HIVE_DEFAULT_PARTITION__"])),
                                          output=to("csv", partition_by=["k"])),
    "partition delta by empty": case(table(k=pa.array(["a", ""])), output=to("delta", partition_by=["k"])),
    "partition iceberg by empty": case(table(k=pa.array(["a", "", None])), output=to("iceberg", partition_by=["k"]),
                                       engines=NOT_SAIL),
    "partition by bytes": case(table(k=BYTES), output=to("parquet", partition_by=["k"])),
    "partition by a long name": case(table(k=pa.array(["a" * 300])), output=to("parquet", partition_by=["k"])),
    **{f"partition by {name}": case(table(k=SIMPLE[name]), output=to("parquet", partition_by=["k"]))
       for name in ("i8", "i64", "f32", "decimal", "flag", "day", "zoned", "local")},
    **{f"partition delta by {name}": case(table(k=SIMPLE[name]), output=to("delta", partition_by=["k"]))
       for name in ("i64", "decimal", "flag", "day", "zoned", "local")},
    "partition by Paris": case(table(k=PARIS), output=to("parquet", partition_by=["k"])),
    "partition iceberg by Paris": case(table(k=PARIS), output=to("iceberg", partition_by=["k"]), engines=NOT_SAIL),
    "partition delta by Paris": case(table(k=PARIS), output=to("delta", partition_by=["k"]), engines=NOT_SAIL),
    **{f"partition {name} by a time of day": case(table(k=pa.array([dt.time(1), None])), output=to(name, partition_by=["k"]),
                                                  engines=TWO if name == "delta" else NOT_SAIL) for name in ("delta", "iceberg")},
    "partition delta by floats": case(table(k=pa.array([5e-324, None])), output=to("delta", partition_by=["k"]), engines=("sail",)),
    "partition delta by nothing": case(table(k=pa.nulls(2)), output=to("delta", partition_by=["k"]), engines=("sail",)),
    "partition delta by negative numbers": case(table(k=NEGATIVE), output=to("delta", partition_by=["k"]), engines=("sail",)),
    "partition delta by 50 digits": case(table(k=pa.array([Decimal(1)], pa.decimal256(50, 0))),
                                         output=to("delta", partition_by=["k"]), engines=("sail",)),
    "add to delta by negative numbers": case({"a.parquet": table(k=NEGATIVE), "../out": Lake(table(k=POSITIVE), ["k"])},
                                             output=to("delta", mode="append"), engines=("sail",)),
    "partition iceberg by small numbers": case(table(k=SIMPLE["i8"], d=SIMPLE["i16"]), output=to("iceberg", partition_by=["k"]),
                                               engines=NOT_SAIL),
    "bytes in names of folders": case(lake("k", k=pa.array([b"\0\xff", b"a"])), input=FROM_DELTA),
    "delta of no type": case(lake(c=pa.nulls(2), d=pa.array([1, 2])), input=FROM_DELTA),
    "delta of fixed lists": case(lake(c=pa.array([[1.0, 2.0], None], pa.list_(pa.float32(), 2))), input=FROM_DELTA),
    "json of nulls": case(table(c=pa.nulls(2), d=pa.array([None, None], pa.int32()), e=pa.array([None, "e"]), k=pa.array(["k", "k"])),
                          output=to("json", partition_by=["k"])),
    "partitions given up": Case({"a.parquet": table(k=pa.array([7, None]))}, {
        "job1": {"output": to("parquet", partition_by=["k"])},
        "job2": {"output": to("parquet", mode="append"), "name": "added"},
        "job3": {"output": to("parquet"), "name": "anew"}}),
    "delta again": Case({"a.parquet": table(k=pa.array(["a", "b"]))}, {
        f"job{number}": {"output": to("delta", mode=mode, partition_by=["k"]), "name": f"run {number}"}
        for number, mode in enumerate(["error", "append", "overwrite", "append", "error"])}),
    "delta at an odd path": case(table(y=[1]), output=to("delta", path="a b%20c/out"), engines=("sail",)),
    "delta partitions": Case({"a.parquet": table(k=pa.array(["a", "b"]))}, {
        "job1": {"output": to("delta", partition_by=["k"])},
        "job2": {"input": {"format": "parquet", "path": "in", "where": {"k": "a"}},
                 "output": to("delta", mode="overwrite_partitions", partition_by=["k"])}}),
}  # fmt: skip


@dataclass(frozen=True)
class Done:
    """What became of a case's jobs."""

    folder: Path

    def __call__(self, name: str = "job") -> dict[str, Any]:
        """Return what became of a job."""
        return json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]

    def read(self, format_: str = "parquet") -> pa.Table:
        """Return the output by another reader, in the order of ``x``."""
        assert self()["exit"] == 0, self()
        return self.table(format_)

    def table(self, format_: str = "parquet") -> pa.Table:
        if format_ == "parquet":
            return pq.read_table(self.folder / "out", partitioning=None).sort_by("x")
        return independent(str(self.folder / "out"), format_).sort_by("x")


class Session:
    """A process with a session of an engine, which runs a case when a test asks for it."""

    def __init__(self, engine: str, folder: Path) -> None:
        self.folder = folder
        self.errors = folder / "stderr"
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.connect.jobs", engine], cwd=ROOT, env=environment(), text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            )  # fmt: skip

    def done(self, name: str) -> Path:
        """Return the folder of a case, whose jobs have run."""
        folder = self.folder / name.replace(" ", "-")
        if not folder.exists():
            write(folder, CASES[name])
            assert self.process.stdin is not None
            assert self.process.stdout is not None
            self.process.stdin.write(f"{folder}\n")
            self.process.stdin.flush()
            assert f"{folder}\n" in self.process.stdout, self.errors.read_text()[-6000:]
        return folder

    def close(self) -> None:
        self.process.communicate(timeout=60)


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Session]]:
    """Give a function that returns the session of an engine; they end with the module."""
    started: dict[str, Session] = {}

    def of(engine: str) -> Session:
        if engine not in started:
            started[engine] = Session(engine, tmp_path_factory.mktemp(f"kept-{engine}"))
        return started[engine]

    yield of
    for one in started.values():
        one.close()


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


@pytest.fixture(params=TWO)
def done(request: pytest.FixtureRequest, sessions: Callable[[str], Session]) -> Any:
    """Give a function that returns what an engine made of a case: one of `TWO`, unless a test names others."""

    def of(name: str) -> Done:
        assert request.param in CASES[name].engines, f"{name} is no case of {request.param}"
        return Done(sessions(request.param).done(name))

    of.engine = request.param  # type: ignore[attr-defined]
    return of


def on(*engines: str) -> Any:
    """Run a test on these engines."""
    return pytest.mark.parametrize("done", engines, indirect=True)


def for_each(names: str, rows: Sequence[tuple[Any, ...]]) -> Any:
    """Run a test with each row, on the engines of the case that the row names first."""
    pairs = [pytest.param(engine, *row, id=f"{engine}-{row[0]}") for row in rows for engine in CASES[row[0]].engines]
    return pytest.mark.parametrize(f"done, {names}", pairs, indirect=["done"])


def same(found: Any, expected: Any) -> bool:
    """Whether values are the same to the last bit: NaN and -0.0 are kept apart, and types as well."""
    return repr(found) == repr(expected)


@for_each("format_", [("parquet",), ("delta",), ("iceberg",)])
def test_keep_every_type(done: Any, format_: str) -> None:
    found = done(format_).read(format_)
    for name in ALL.column_names[1:]:
        assert same(found[name].to_pylist(), ALL[name].to_pylist()), name
    assert same(found["x"].to_pylist(), [0.0, 0.125, 0.25, 0.375, 0.5, 1.0])
    kept = {name: found.schema.field(name).type for name in ("zoned", "local", "day", "decimal", "whole", "i64")}
    assert kept == {name: ALL.schema.field(name).type for name in kept}


@on("classic")
def test_keep_types_in_orc(done: Any) -> None:
    one = done("orc")
    assert one()["exit"] == 0, one()
    found = pa.concat_tables([pa.orc.read_table(file) for file in (one.folder / "out").glob("*.orc")]).sort_by("x")
    for name in (name for name in SIMPLE if name not in ("day", "zoned", "local")):
        assert same(found[name].to_pylist(), SIMPLE[name].to_pylist()), name
    assert found["local"].to_pylist() == SIMPLE["local"].cast(pa.int64()).to_pylist()
    assert [warning for warning in one()["warnings"] if "'local'" in warning and "microseconds since 1970" in warning]
    before = done("orc before 1582")()
    assert (before["exit"], before["code"]) == (65, "DATA_UNKEPT")
    assert "column 'day'" in before["problems"][0]
    assert not (done("orc before 1582").folder / "out").exists()


FIELD = re.compile(r'(?:"((?:[^"]|"")*)"|([^,\n]*))(,|\n)')


def records(text: str) -> list[list[str | None]]:
    """Read CSV by RFC 4180; a field that is empty and not quoted is null."""
    rows: list[list[str | None]] = [[]]
    for match in FIELD.finditer(text):
        quoted, bare, end = match.groups()
        rows[-1].append(quoted.replace('""', '"') if quoted is not None else bare or None)
        if end == "\n":
            rows.append([])
    return rows[:-1]


def csv_of(folder: Path) -> dict[str, list[str | None]]:
    """Return the columns of an output of one file."""
    (file,) = [file for file in (folder / "out").glob("*.csv") if file.stat().st_size]
    head, *rows = records(file.read_bytes().decode())
    return {str(name): list(column) for name, column in zip(head, zip(*rows, strict=True), strict=True)}


#: By a test for a type, what makes its value of a text: Python's own readers.
READERS: list[tuple[Any, Any]] = [
    (pa.types.is_string, str),
    (pa.types.is_float32, lambda text: float(np.float32(text))),
    (pa.types.is_float64, float),
    (pa.types.is_decimal, Decimal),
    (pa.types.is_boolean, {"true": True, "false": False}.__getitem__),
    (pa.types.is_date, dt.date.fromisoformat),
    (pa.types.is_timestamp, lambda text: dt.datetime.fromisoformat(text.removesuffix("Z"))),
    (pa.types.is_integer, int),
]


def told(text: str | None, type_: pa.DataType) -> Any:
    """Return the value that a text stands for."""
    if text is None:
        return None
    if pa.types.is_timestamp(type_):
        assert text.endswith("Z") == bool(type_.tz)
    return next(make for is_of, make in READERS if is_of(type_))(text)


def plain(values: pa.Array) -> list[Any]:
    """Return the values of a column, times without their zone."""
    found = values.to_pylist()
    return [value.replace(tzinfo=None) if isinstance(value, dt.datetime) else value for value in found]


@on(*SPARK)
def test_keep_types_in_csv(done: Any) -> None:
    one = done("csv")
    assert (one()["exit"], one()["warnings"]) == (0, []), one()
    found = csv_of(one.folder)
    for name, column in {**SIMPLE, "nan": NANS}.items():
        assert same([told(text, column.type) for text in found[name]], plain(column)), name
    assert not [text for text in found["decimal"] if text and "E" in text]


def test_keep_types_in_csv_by_null_value(done: Any) -> None:
    one = done("csv null value")
    assert one()["exit"] == 0, one()
    for name, column in {**SIMPLE, "nan": NANS}.items():
        texts = [None if text == "\\N" else text or "" for text in csv_of(one.folder)[name]]
        assert same([told(text, column.type) for text in texts], plain(column)), name


def test_keep_types_in_json(done: Any) -> None:
    one = done("json of sail" if done.engine == "sail" else "json")
    assert one()["exit"] == 0, one()
    (file,) = [file for file in (one.folder / "out").glob("*.json") if file.stat().st_size]
    rows = [json.loads(line, parse_float=str, parse_int=str) for line in file.read_text().splitlines()]
    assert len(rows) == 6
    for name, column in {**SIMPLE, **({} if done.engine == "sail" else {"nan": NANS})}.items():
        texts = [row.get(name) if not isinstance(row.get(name), bool) else str(row[name]).lower() for row in rows]
        assert same([told(text, column.type) for text in texts], plain(column)), name
    lists = [row.get("list") and [one and int(one) for one in row["list"]] for row in rows]
    assert lists == NESTED["list"].to_pylist()
    if done.engine != "sail":
        maps = [row["map"] and {key: one and int(one) for key, one in row["map"].items()} for row in rows]
        assert maps == [None if one is None else dict(one) for one in NESTED["map"].to_pylist()]
    else:
        assert [warning for warning in one()["warnings"] if "column 'none': Sail leaves nulls out" in warning]


def test_keep_rows_of_one_column_in_csv(done: Any) -> None:
    one = done("csv of one column")
    if done.engine == "classic":  # Spark would leave the row out
        assert (one()["exit"], one()["code"]) == (65, "DATA_UNKEPT")
        assert "column 'x'" in one()["problems"][0]
        return
    assert one()["exit"] == 0
    (file,) = [file for file in (one.folder / "out").glob("*.csv") if file.stat().st_size]
    assert sorted(file.read_text().split()) == ['""', "0.5", "1.0", "x"]


@on("sail")
def test_refuse_empty_text_that_csv_would_take_for_null(done: Any) -> None:
    one = done("csv empty")
    assert (one()["exit"], one()["code"]) == (65, "DATA_UNKEPT")
    assert "column 'text'" in one()["problems"][0]
    assert not (one.folder / "out").exists()


REFUSED = [
    ("a file of no bytes", ["b.parquet"], "INPUT_DAMAGED"),
    ("an ORC file of no bytes", ["found one of 0 bytes: ", "b.orc"], "INPUT_DAMAGED"),
    ("partitions of two spellings", ["folders' names in one spelling", "k=caf\u00e9"], "INPUT_PARTITION"),
    ("partition without a value", ["key=__HIVE_DEFAULT_PARTITION__"], "INPUT_PARTITION"),
    ("ORC before 1970", ["fractions of a second before 1970"], "INPUT_DAMAGED"),
    ("csv bytes", ["'bytes', binary"], "SCHEMA_FORMAT"),
    ("csv nested", ["'list', array<int>", "'struct', struct", "'map', map"], "SCHEMA_FORMAT"),
    ("json nan", ["column 'nan'"], "DATA_UNKEPT"),
    ("json map by int", ["'map', map"], "SCHEMA_FORMAT"),
    ("time to delta", ["'c', time(6)"], "SCHEMA_FORMAT"),
    ("decimal 50 to delta", ["'c'"], None),
    ("nanoseconds", ["'c' is timestamp[ns]"], "SCHEMA_TYPE"),
    ("nanoseconds given", ["'c' is timestamp[ns]"], "SCHEMA_TYPE"),
    ("float16", ["'c' is halffloat"], "SCHEMA_TYPE"),
    ("int and double", ["column 'c' is int32 in ", "a.parquet, and double in ", "b.parquet"], "SCHEMA_FILES"),
    ("int and long", ["column 'c' is int32 in ", "b.parquet"], "SCHEMA_FILES"),
    ("text and number", ["column 'c' is string in ", "b.parquet"], "SCHEMA_FILES"),
    ("decimals", ["column 'c' is decimal128(5, 1) in ", "b.parquet"], "SCHEMA_FILES"),
    ("with zone and without", ["column 'c' is timestamp[us] in ", "b.parquet"], "SCHEMA_FILES"),
    ("month in a step", ["'month' is string", "input.partitions: 'month int'"], "SCHEMA_TYPE"),
    ("partition that is none", ["no partition column 'year'", "'month'"], "SCHEMA_MISSING"),
    ("month of no number", ["may"], None),
    ("partition by empty", ["column 'k'"], "DATA_UNKEPT"),
    ("partition by the name of null", ["column 'k'", "__HIVE_DEFAULT_PARTITION__"], "DATA_UNKEPT"),
    ("partition delta by empty", ["column 'k'"], "DATA_UNKEPT"),
    ("partition by bytes", ["'k' is binary"], "SCHEMA_TYPE"),
    ("partition by a long name", ["folder's name"], "DATA_UNKEPT"),
    ("bytes in names of folders", ["column 'k' is binary: engines read"], "SCHEMA_TYPE"),
    ("partition delta by a time of day", ["column 'k' is time(6): the format has no such type"], "SCHEMA_TYPE"),
    ("partition iceberg by a time of day", ["column 'k' is time(6): the format has no such type"], "SCHEMA_TYPE"),
    ("partition delta by floats", ["column 'k' is double: Sail writes it without an exponent"], "SCHEMA_TYPE"),
    ("partition delta by nothing", ["column 'k' is void: the format has no such type"], "SCHEMA_TYPE"),
    ("partition delta by negative numbers", ["column 'k' is decimal(9,2): Sail writes a text"], "SCHEMA_TYPE"),
    ("partition delta by 50 digits", ["column 'k' is decimal(50,0): the format has no such type"], "SCHEMA_TYPE"),
]


@for_each("name, said, code", REFUSED)
def test_refuse_what_cannot_be_kept(done: Any, name: str, said: list[str], code: str | None) -> None:
    one = done(name)
    assert one()["exit"] == 65, one()
    assert code in (None, one()["code"]), one()
    for part in said:
        assert part in "\n".join(one()["problems"]), one()
    assert not [file for file in (one.folder / "out").rglob("*") if file.is_file()]


@on(*ENGINES)
def test_keep_times_of_day(done: Any) -> None:
    assert same(done("time").read()["c"].to_pylist(), [dt.time(1, 2, 3, 4), None])
    to_csv = done("time to csv")
    if done.engine == "sail":
        assert csv_of(to_csv.folder)["c"] == ["01:02:03.000004", None]
    else:
        assert (to_csv()["exit"], to_csv()["code"]) == (65, "SCHEMA_FORMAT")


def test_keep_wide_decimals_or_name_them(done: Any) -> None:
    one = done("decimal 50")
    if done.engine == "sail":
        assert one.read()["c"].to_pylist() == [Decimal(10**45)]
    else:
        assert (one()["exit"], one()["code"]) == (65, "SCHEMA_TYPE")
        assert "column 'c' is decimal256(50, 0): Spark cannot read this type" in one()["problems"][0]


def test_keep_categories_or_name_them(done: Any) -> None:
    one = done("categories")
    if done.engine == "sail":
        assert (one()["exit"], one()["code"]) == (65, "SCHEMA_TYPE")
        assert "column 'c' is dictionary<" in one()["problems"][0]
    else:
        assert one.read()["c"].to_pylist() == ["a", "b", None, "a"]


def test_keep_lists_and_large_types(done: Any) -> None:
    assert done("fixed lists").read()["c"].to_pylist() == [[1.0, 2.0]]
    found = done("large").read()
    assert (found["c"].to_pylist(), found["d"].to_pylist()) == (["a", None], [[1], None])


def test_widen_unsigned_numbers_and_say_so(done: Any) -> None:
    one = done("unsigned")
    found = one.read()
    assert [found[name][0].as_py() for name in "cdef"] == [255, 65535, 2**32 - 1, Decimal(2**64 - 1)]
    assert [str(found.schema.field(name).type) for name in "cdef"] == ["int16", "int32", "int64", "decimal128(20, 0)"]
    assert len([warning for warning in one()["warnings"] if "which holds all its values" in warning]) == 4
    found = done("unsigned to delta").read("delta")
    assert [found[name][0].as_py() for name in "cd"] == [255, 65535]


@on(*ENGINES)
def test_keep_a_column_of_later_files(done: Any) -> None:
    found = done("column of later files").read()
    rows = sorted(zip(found["y"].to_pylist(), found["z"].to_pylist(), strict=True))
    assert rows == [(1, None), (2, None), (3, "kept")]


def folders(folder: Path) -> dict[str | None, list[float]]:
    """Return by a partition's value the ``x`` of its rows; null by the name that Hive gives it."""
    found: dict[str | None, list[float]] = {}
    for file in (folder / "out").rglob("*.parquet"):
        value = unquote(file.parent.name.partition("=")[2])
        rows = pq.read_table(file, partitioning=None)["x"].to_pylist()
        found.setdefault(None if value == "__HIVE_DEFAULT_PARTITION__" else value, []).extend(rows)
    return found


@on(*ENGINES)
def test_keep_partitions_as_text(done: Any) -> None:
    one = done("zip")
    assert one()["exit"] == 0, one()
    assert sorted(map(str, folders(one.folder))) == ["00501", "501", "None"]
    found = done("zip to a column").read()
    rows = sorted(zip(found["y"].to_pylist(), found["zip"].to_pylist(), strict=True))
    assert rows == [(1, "00501"), (2, "501"), (3, None)]


@for_each(
    "name, kept",
    [
        ("month by number", [(1, "02"), (2, "10")]),
        ("month equals", [(1, "02")]),
        ("month as text", [(1, "02")]),
        ("month in the schema", [(0, 1), (1, 2), (2, 10)]),
        ("month given", [(0, 0.1), (1, 0.2), (2, 1.0)]),
    ],
)
def test_choose_partitions(done: Any, name: str, kept: list[Any]) -> None:
    found = done(name).read()
    assert sorted(zip(found["y"].to_pylist(), found["month"].to_pylist(), strict=True)) == kept


def test_take_types_of_partitions_from_the_artifact(done: Any) -> None:
    one = done("month of the artifact")
    assert one("transform")["exit"] == 0, one("transform")
    found = one.table()
    assert sorted(zip(found["y"].to_pylist(), found["month"].to_pylist(), strict=True)) == [
        (0, 0.1),
        (1, 0.2),
        (2, 1.0),
    ]


@pytest.mark.parametrize("name", ["text", "more text", "null"])
def test_keep_text_in_names_of_folders(done: Any, name: str) -> None:
    one = done(f"partition by {name}")
    assert one()["exit"] == 0, one()
    values = {"text": FOLDERS[:6], "more text": FOLDERS[6:12], "null": [*FOLDERS[12:], "NULL"]}[name]
    xs = X.to_pylist()[: len(values)]
    scaled = [x / max(xs) for x in xs]
    assert folders(one.folder) == {value: [x] for value, x in zip(values, scaled, strict=True)}


@pytest.mark.parametrize("name", ["i8", "i64", "f32", "decimal", "flag", "day", "zoned", "local"])
def test_keep_values_in_names_of_folders(done: Any, name: str) -> None:
    one = done(f"partition by {name}")
    assert one()["exit"] == 0, one()
    column = SIMPLE[name]
    expected: dict[Any, list[float]] = {}
    for value, x in zip(plain(column), X.to_pylist(), strict=True):
        expected.setdefault(value, []).append(x / 8.0)
    found = {}
    for text, rows in folders(one.folder).items():
        is_time = pa.types.is_timestamp(column.type) and text is not None
        value = dt.datetime.fromisoformat(text) if is_time and text else told(text, column.type)
        if isinstance(value, dt.datetime):
            assert (value.tzinfo is not None) == (column.type.tz is not None)
            value = value.replace(tzinfo=None)
        found[value] = sorted(rows)
    assert found == expected


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


def test_replace_partitions_of_delta_or_refuse(done: Any) -> None:
    one = done("delta partitions")
    assert one("job1")["exit"] == 0
    assert one("job2")["exit"] == (78 if done.engine == "sail" else 0), one("job2")
    assert sorted(one.table("delta")["k"].to_pylist()) == ["a", "b"]


def test_limit_the_rows_of_a_file_or_refuse(done: Any) -> None:
    one = done("rows per file")
    if done.engine == "sail":
        assert (one()["exit"], one()["code"]) == (78, "CONFIG_OPTION")
        assert not (one.folder / "out").exists()
        return
    assert sorted(pq.read_metadata(file).num_rows for file in (one.folder / "out").glob("*.parquet")) == [1, 2]


def test_keep_partitions_that_a_schema_does_not_name(done: Any) -> None:
    found = done("partition not in the schema").read()
    assert sorted(zip(found["y"].to_pylist(), found["zip"].to_pylist(), strict=True)) == [
        (1, "00501"),
        (2, "501"),
        (3, None),
    ]
    found = done("partition not in the schema, JSON").read()
    assert (found["x"].to_pylist(), found["zip"].to_pylist()) == ([1 / 3, 1.0], ["00501", None])


def test_keep_null_among_partitions_with_a_type(done: Any) -> None:
    found = done("null partition in the schema").read()
    assert sorted(zip(found["y"].to_pylist(), found["k"].to_pylist(), strict=True)) == [(1, 7), (2, None)]
    assert found.schema.field("k").type == pa.int32()
    found = done("null partition in the schema, CSV").read()
    assert (found["x"].to_pylist(), found["k"].to_pylist()) == ([0.5, 1.0], [7, None])


@for_each(
    "name, kept",
    [
        ("escaped partitions", [(1, "\U0001f600"), (2, "caf\u00e9"), (3, "a/b")]),
        ("partitions as they are", [(1, "\U0001f600"), (2, "caf\u00e9")]),
    ],
)
def test_read_names_of_folders_as_unicode(done: Any, name: str, kept: list[Any]) -> None:
    found = done(name).read()
    assert sorted(zip(found["y"].to_pylist(), found["k"].to_pylist(), strict=True)) == kept


def test_keep_partitions_of_nulls_only(done: Any) -> None:
    one = done("partitions of null")
    assert one()["exit"] == 0, one()
    assert folders(one.folder) == {None: [0.0]}


@for_each("name, format_", [(f"a first write to {format_} that fails", format_) for format_ in ("delta", "iceberg")])
def test_leave_nothing_of_a_first_write_that_fails(done: Any, name: str, format_: str) -> None:
    one = done(name)
    assert (one("job1")["exit"], one("job1")["code"]) == (65, "DATA_INEXACT"), one("job1")
    assert "decimal(10,2) holds exactly, found 1.555" in one("job1")["problems"][0]
    assert one("job2")["exit"] == 0, one("job2")
    assert one.table(format_)["d"].to_pylist() == ["1.555"]


def test_tell_empty_text_from_null_or_warn(done: Any) -> None:
    one = done("quoted empty text")
    found = one.read()["d"].to_pylist()
    assert found == ([None] if done.engine == "sail" else [""])
    told = [warning for warning in one()["warnings"] if "column 'd': Sail reads a quoted empty text as null" in warning]
    assert len(told) == (done.engine == "sail")


@for_each(
    "name, format_",
    [
        ("partition by Paris", "parquet"),
        ("partition delta by Paris", "delta"),
        ("partition iceberg by Paris", "iceberg"),
    ],
)
def test_keep_the_instant_of_a_partition_with_a_zone(done: Any, name: str, format_: str) -> None:
    """Its name says a zone, or another reader knows that it is UTC; the session is in another one."""
    one = done(name)
    assert one()["exit"] == 0, one()
    if format_ != "parquet":
        assert same(one.table(format_)["k"].to_pylist(), PARIS.cast(pa.timestamp("us", "UTC")).to_pylist())
        return
    found = {text and dt.datetime.fromisoformat(text): rows for text, rows in folders(one.folder).items()}
    assert found == dict(zip(PARIS.to_pylist(), [[0.0], [0.5], [1.0]], strict=True))


@on("sail")
def test_refuse_to_add_a_partition_that_a_log_cannot_hold(done: Any) -> None:
    one = done("add to delta by negative numbers")
    assert (one()["exit"], one()["code"]) == (65, "SCHEMA_TYPE"), one()
    assert one.table("delta").num_rows == 2


@on("classic")
def test_warn_of_partitions_that_iceberg_widens(done: Any) -> None:
    one = done("partition iceberg by small numbers")
    assert [warning for warning in one()["warnings"] if "columns 'k', 'd': Iceberg keeps" in warning], one()
    found = one.read("iceberg")
    assert (found["k"].to_pylist(), found["d"].to_pylist()) == (SIMPLE["i8"].to_pylist(), SIMPLE["i16"].to_pylist())


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


def test_name_columns_of_nulls_that_sail_leaves_out(done: Any) -> None:
    """Exactly those: a partition's folder keeps its value, and a column with one value keeps its key."""
    one = done("json of nulls")
    assert one()["exit"] == 0, one()
    told = [warning for warning in one()["warnings"] if "Sail leaves nulls out" in warning]
    rows = [
        json.loads(line) for file in (one.folder / "out").glob("k=*/*.json") for line in file.read_text().splitlines()
    ]
    keys = {key for row in rows for key in row}
    if done.engine == "sail":
        assert [re.findall(r"'(\w)'", warning) for warning in told] == [["c"], ["d"]]
        assert keys == {"x", "e"}
    else:
        assert (told, keys) == ([], {"x", "c", "d", "e"})


def test_write_without_the_partitions_that_were_there(done: Any) -> None:
    """Files with and without folders are no table; a new table without them has the column unchanged."""
    one = done("partitions given up")
    assert [one(f"job{number}")["exit"] for number in (1, 2, 3)] == [0, 65, 0], one("job2")
    assert one("job2")["code"] == "SCHEMA_TARGET"
    assert same(one.table()["k"].to_pylist(), [7, None])
