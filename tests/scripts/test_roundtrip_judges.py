"""The judges of the round-trip matrix: each change is seen as one, and what is the same is not. Needs no engine."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest


def column(trips: Any, values: list[Any], type_: pa.DataType) -> Any:
    return trips.shapes.column_of(trips.kinds.array_of(values, type_))


def test_find_every_kind_the_same_as_itself(trips):
    for kind in trips.kinds.KINDS.values():
        same = trips.shapes.column_of(kind.array())
        assert trips.compare.compare(same, trips.shapes.column_of(kind.array())).word == "exact", kind.name


def test_find_every_kind_changed_where_one_value_is_null(trips):
    for kind in trips.kinds.KINDS.values():
        before = trips.shapes.column_of(kind.array())
        for row, value in enumerate(before.values):
            if value is not None:
                changed = (*before.values[:row], None, *before.values[row + 1 :])
                after = trips.shapes.Column(before.shape, changed)
                assert trips.compare.compare(before, after).word == "WRONG", kind.name


CHANGES = [
    ([0.0], pa.float64(), [-0.0], pa.float64()),
    ([float("nan")], pa.float64(), [None], pa.float64()),
    ([0.1], pa.float64(), [0.1], pa.float32()),
    ([1], pa.int64(), [1.0], pa.float64()),
    ([1], pa.int64(), [1], pa.int32()),
    ([1], pa.int64(), ["1"], pa.string()),
    ([255], pa.uint8(), [-1], pa.int8()),
    ([Decimal("1.50")], pa.decimal128(9, 2), [Decimal("1.5")], pa.decimal128(9, 1)),
    ([Decimal("1.50")], pa.decimal128(9, 2), [1.5], pa.float64()),
    ([0], pa.timestamp("us"), [0], pa.timestamp("us", "UTC")),
    ([0], pa.timestamp("us", "UTC"), [0], pa.timestamp("us")),
    ([1001], pa.timestamp("ns"), [1], pa.timestamp("us")),
    ([0], pa.date32(), [0], pa.timestamp("us")),
    ([1], pa.time64("us"), [1], pa.int64()),
    ([""], pa.string(), [None], pa.string()),
    ([" a"], pa.string(), ["a"], pa.string()),
    ([b"a"], pa.binary(), ["a"], pa.string()),
    ([True], pa.bool_(), [1], pa.int8()),
    ([[1, None]], pa.list_(pa.int64()), [[1]], pa.list_(pa.int64())),
    ([[]], pa.list_(pa.int64()), [None], pa.list_(pa.int64())),
    ([[0.0]], pa.list_(pa.float64()), [[-0.0]], pa.list_(pa.float64())),
    ([{"a": None}], pa.struct([("a", pa.int64())]), [None], pa.struct([("a", pa.int64())])),
    ([{"a": 1}], pa.struct([("a", pa.int64())]), [{"b": 1}], pa.struct([("b", pa.int64())])),
    ([[("a", None)]], pa.map_(pa.string(), pa.int64()), [[]], pa.map_(pa.string(), pa.int64())),
    ([1, 2], pa.int64(), [1], pa.int64()),
]


@pytest.mark.parametrize(("before", "type_", "after", "other"), CHANGES)
def test_see_a_change(trips, before, type_, after, other):
    verdict = trips.compare.compare(column(trips, before, type_), column(trips, after, other))
    assert (verdict.word, bool(verdict.detail)) == ("WRONG", True)


def test_see_that_a_column_is_gone(trips):
    assert trips.compare.compare(column(trips, [1], pa.int64()), None).word == "WRONG"


SAME = [
    ([200], pa.uint8(), [200], pa.int16(), "wider"),
    ([2**64 - 1], pa.uint64(), [Decimal(2**64 - 1)], pa.decimal128(20, 0), "wider"),
    ([1.5], pa.float16(), [1.5], pa.float32(), "wider"),
    ([5], pa.timestamp("s"), [5_000_000], pa.timestamp("us"), "exact"),
    (["a"], pa.dictionary(pa.int32(), pa.string()), ["a"], pa.string(), "exact"),
    ([[1.0]], pa.list_(pa.float32(), 1), [[1.0]], pa.list_(pa.float32()), "exact"),
    ([None], pa.null(), [None], pa.string(), "wider"),
]


@pytest.mark.parametrize(("before", "type_", "after", "other", "word"), SAME)
def test_tell_encodings_from_changes(trips, before, type_, after, other, word):
    assert trips.compare.compare(column(trips, before, type_), column(trips, after, other)).word == word


TEXTS = [
    ([1], pa.int64(), ["1"], "as text"),
    ([1], pa.int64(), ["1.0"], "WRONG"),
    ([-0.0], pa.float64(), ["-0.0"], "as text"),
    ([-0.0], pa.float64(), ["0.0"], "WRONG"),
    ([float("nan")], pa.float64(), ["NaN"], "as text"),
    ([float("nan")], pa.float64(), [None], "WRONG"),
    ([0.1], pa.float64(), ["0.10000000000000001"], "as text"),
    ([0.1], pa.float64(), ["0.1000000001"], "WRONG"),
    ([0.10000000149011612], pa.float32(), ["0.1"], "as text"),
    ([Decimal("1.50")], pa.decimal128(9, 2), ["1.50"], "as text"),
    ([0], pa.timestamp("us", "UTC"), ["1970-01-01T01:00:00.000+01:00"], "as text"),
    ([0], pa.timestamp("us", "UTC"), ["1970-01-01T00:00:00"], "WRONG"),
    ([0], pa.timestamp("us"), ["1970-01-01T00:00:00Z"], "WRONG"),
    ([1], pa.timestamp("us"), ["1970-01-01T00:00:00"], "WRONG"),
    ([1], pa.timestamp("us"), ["1970-01-01 00:00:00.000001"], "as text"),
    (["a"], pa.string(), ["a"], "exact"),
    ([""], pa.string(), [None], "WRONG"),
    ([True], pa.bool_(), ["1"], "WRONG"),
    ([b"\xff"], pa.binary(), ["/w=="], "as text"),
    ([b"\xff"], pa.binary(), ["ff"], "WRONG"),
]


@pytest.mark.parametrize(("before", "type_", "after", "word"), TEXTS)
def test_judge_text_by_what_it_parses_to(trips, before, type_, after, word):
    found = trips.shapes.Column("text", tuple(after))
    assert trips.compare.compare(column(trips, before, type_), found).word == word


UNTYPED = [
    (["00501"], ["00501"], pa.string(), "exact"),
    (["00501"], [501], pa.int32(), "WRONG"),
    (["12D"], [12.0], pa.float64(), "WRONG"),
    (["12", None], [12, None], pa.int32(), "as text"),
    (["1.50"], [1.5], pa.float64(), "as text"),
    (["-0"], [0], pa.int32(), "WRONG"),
    (["12345678901234567890"], [1.2345678901234567e19], pa.float64(), "WRONG"),
    (["0.1"], [0.1], pa.float64(), "as text"),
    (["2020-01-31"], [18292], pa.date32(), "WRONG"),
    (["NaN"], [float("nan")], pa.float64(), "as text"),
    (["NaN"], [None], pa.string(), "WRONG"),
    ([""], [None], pa.string(), "WRONG"),
]


@pytest.mark.parametrize(("texts", "values", "type_", "word"), UNTYPED)
def test_judge_what_became_of_text_without_a_type(trips, texts, values, type_, word):
    before = trips.shapes.Column("text", tuple(texts))
    assert trips.compare.compare(before, column(trips, values, type_)).word == word


def test_split_csv_as_python_does(trips):
    rows = [["a", "b"], ['say "hi"', "x,y"], ["line\nbreak", "cr\rlf\r\n"], ["", " "], ["é", '"']]
    made = io.StringIO(newline="")
    csv.writer(made, quoting=csv.QUOTE_ALL).writerows(rows)
    assert trips.readers.csv_rows(made.getvalue()) == rows
    assert trips.readers.csv_rows('a,b\n,""\n') == [["a", "b"], [None, ""]]


def test_read_files_with_what_their_folders_say(trips, tmp_path: Path):
    for name, i in (("k=a%2Fb", 2), ("k=__HIVE_DEFAULT_PARTITION__", 1), ("k=", 0)):
        (tmp_path / name).mkdir()
        pq.write_table(pa.table({"i": [i], "x": [float(i)]}), tmp_path / name / "part.parquet")
    (tmp_path / "_SUCCESS").touch()
    found = trips.readers.read("parquet/k", tmp_path)
    assert (found.i, found.columns["k"].values) == ([0, 1, 2], ("", None, "a/b"))


def test_write_each_input_so_that_others_read_it(trips, tmp_path: Path):
    table = pa.table({"i": [0, 1], "x": [1.0, 2.0], "s": ["00501", None], "u": ['a,"b', ""]})
    for number, name in enumerate(trips.writers.WRITERS):
        source = trips.writers.write(name, tmp_path / str(number), table)
        assert source.columns["s"].values == ("00501", None), name
        empty = None if name == "delta/k" else ""  # to Delta's own rule, an empty partition value is a null
        assert source.columns["u"].values == ('a,"b', empty), name
        assert ("schema" in source.place) == name.endswith("schema")
    lines = (tmp_path / "2" / "part.csv").read_text().splitlines()
    assert lines == ["i,x,s,u", '0,1.0,00501,"a,""b"', '1,2.0,,""']
    assert json.loads((tmp_path / "4" / "part.json").read_text().splitlines()[1])["u"] == ""


def cells(trips: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Any) -> Any:
    """Judge two kinds by a job that is played."""
    monkeypatch.setattr(trips.cells.jobs, "run", lambda source, target, *_, **__: act(source, target))
    kinds = [trips.kinds.KINDS[name] for name in ("int8", "float64")]
    return {name: v.word for name, v in trips.cells.Cells(tmp_path / "c").judge("parquet", "parquet", kinds).items()}


def copying(trips: Any, change: Any) -> Any:
    def act(source: Any, target: Any) -> Any:
        table = pq.read_table(source["path"])
        table = table.set_column(1, "x", pa.array([x / 12 for x in table["x"].to_pylist()]))
        Path(target["path"]).mkdir()
        pq.write_table(change(table), Path(target["path"]) / "a.parquet")
        return trips.jobs.Outcome(0)

    return act


def refusing(trips: Any, code: int, said: str, *, writes: bool = False) -> Any:
    def act(source: Any, target: Any) -> Any:
        if "c_int8" not in pq.read_table(source["path"]).column_names:
            return copying(trips, lambda table: table)(source, target)
        if writes:
            Path(target["path"]).mkdir()
            (Path(target["path"]) / "part.parquet").touch()
        return trips.jobs.Outcome(code, said, problems=(said,))

    return act


def test_judge_jobs(trips, tmp_path, monkeypatch):
    played = [
        (copying(trips, lambda table: table), "exact"),
        (copying(trips, lambda table: table.drop_columns("c_int8")), "WRONG"),
        (refusing(trips, 65, "column 'c_int8' is wrong"), "refused"),
        (refusing(trips, 78, "something is wrong; do this"), "refused"),
        (refusing(trips, 65, "something is wrong"), "WRONG"),
        (refusing(trips, 65, "column 'c_int8' is wrong", writes=True), "WRONG"),
        (refusing(trips, 70, "column 'c_int8' is wrong; do this"), "WRONG"),
        (refusing(trips, 66, "column 'c_int8' is wrong; do this"), "WRONG"),
    ]
    for act, word in played:
        assert cells(trips, tmp_path, monkeypatch, act) == {"int8": word, "float64": "exact"}


def test_see_that_rows_are_lost_or_not_scaled(trips, tmp_path, monkeypatch):
    changes = [lambda t: t.slice(1), lambda t: t.set_column(1, "x", pa.array([1.0] * 12))]
    for change in changes:
        assert set(cells(trips, tmp_path, monkeypatch, copying(trips, change)).values()) == {"WRONG"}


WARNED = [
    ("wider", "int16", "parquet", "warned"),
    ("WRONG", "timestamp became int64", "orc/k", "warned"),
    ("WRONG", "timestamp became int64", "parquet", "WRONG"),
    ("WRONG", "NaN became None", "json", "warned"),
    ("WRONG", "1 became 2", "json", "WRONG"),
    ("exact", "", "json", "exact"),
]


@pytest.mark.parametrize(("word", "detail", "target", "expected"), WARNED)
def test_take_no_warning_for_another_loss(trips, word, detail, target, expected):
    verdict = trips.compare.Verdict(word, detail)
    assert trips.compare.warned(verdict, target, "a warning").word == expected
    assert trips.compare.warned(verdict, target, None) == verdict
