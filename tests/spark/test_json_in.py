"""JSON on Spark: the whole input decides the types, and nothing is guessed or left out."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from sparkscale.config.data import Input
from sparkscale.errors import ConfigError, DataError, SparkscaleError
from sparkscale.formats.texttypes import Wanted
from sparkscale.spark.session.failures import translated
from sparkscale.spark.sources.read import read


def rows(spark: SparkSession, place: Path, **more: Any) -> tuple[list[tuple[str, str]], list[tuple[Any, ...]]]:
    """Return the types and rows that a job reads."""
    df, _ = read(spark, Input.model_validate({"format": "json", "path": str(place), **more}))
    with translated("reading"):
        return df.dtypes, [tuple(row) for row in df.collect()]


WHOLE = [json.dumps({"a": number}) for number in range(1000)]
READ: list[tuple[str, list[str], list[tuple[str, str]], list[tuple[Any, ...]]]] = [
    ("fractions late", [*WHOLE, '{"a": 0.5}', '{"a": 7.9}'], [("a", "double")],
     [*((float(number),) for number in range(1000)), (0.5,), (7.9,)]),
    ("keys later", ['{"a": 1}', '{"b": "x"}'], [("a", "bigint"), ("b", "string")], [(1, None), (None, "x")]),
    ("beyond 64 bits", ['{"a": 9223372036854775808}', '{"a": 1}'], [("a", "decimal(20,0)")], [(Decimal(2**63),), (Decimal(1),)]),
    ("number and text", ['{"a": 1}', '{"a": "x"}', '{"a": 1.50}'], [("a", "string")], [("1",), ("x",), ("1.50",)]),
    ("text of digits", ['{"a": "00501"}', '{"a": "1"}'], [("a", "string")], [("00501",), ("1",)]),
    ("dates", ['{"a": "2026-01-02", "b": "2026-01-02T03:04:05Z"}'], [("a", "string"), ("b", "string")],
     [("2026-01-02", "2026-01-02T03:04:05Z")]),
    ("nested", ['{"a": {"b": 1}}', '{"a": {"c": [1, 2.5]}}'], [("a", "struct<b:bigint,c:array<double>>")],
     [((1, None),), ((None, [1.0, 2.5]),)]),
    ("truth", ['{"a": true}', '{"a": null}'], [("a", "boolean")], [(True,), (None,)]),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "types", "expected"), [row[1:] for row in READ], ids=[row[0] for row in READ])
def test_read_json_without_schema(
    spark: SparkSession, tmp_path: Path, lines: list[str], types: list[tuple[str, str]], expected: list[tuple[Any, ...]]
) -> None:
    (tmp_path / "a.json").write_text("\n".join(lines) + "\n")
    assert rows(spark, tmp_path / "a.json") == (types, expected)


@pytest.mark.parametrize("text", ['{"a": 0.5}', '{"a": "x"}', '{"a": true}', '{"a": 1', "hello"])
def test_refuse_what_the_schema_does_not_hold(spark: SparkSession, tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(f'{{"a": 1}}\n{text}\n')
    with pytest.raises(SparkscaleError) as caught:
        rows(spark, tmp_path / "a.json", schema="a bigint")
    assert (caught.value.code, caught.value.exit_code) == ("INPUT_DAMAGED", 65)


def test_refuse_lines_as_documents(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": 1}\n{"a": 2}\n')
    with pytest.raises(ConfigError, match=r"expected one document a file, found more behind the first in .*/a\.json"):
        rows(spark, tmp_path / "a.json", options={"multiLine": True})
    (tmp_path / "a.json").write_text('[\n {"a": 1},\n {"a": 2}\n]\n')
    assert rows(spark, tmp_path / "a.json", options={"multiLine": True})[1] == [(1,), (2,)]


@pytest.mark.parametrize(
    "text", ["1e400", "-1e400", "999999999999.999999", "0.12345678901234567890", "1e-400", "123456789012345678.5"]
)
@pytest.mark.parametrize("form", ['{"a": %s, "b": 1.5}', '{"a": {"c": [%s, 0.5]}, "b": 1}'])
def test_stop_at_numbers_that_no_double_holds(spark: SparkSession, tmp_path: Path, text: str, form: str) -> None:
    (tmp_path / "a.json").write_text(f"{form % '1.25'}\n{form % text}\n")
    with pytest.raises(DataError) as caught:
        rows(spark, tmp_path / "a.json")
    assert (caught.value.code, caught.value.exit_code) == ("DATA_INEXACT", 65)
    assert text in str(caught.value)


def test_read_numbers_that_a_double_holds(spark: SparkSession, tmp_path: Path) -> None:
    texts = [
        "1.5",
        "-0.0",
        "1e308",
        "5e-324",
        "0.10000000000000001",
        "1.7976931348623157e308",
        "0.0000",
        "1.50",
        "Infinity",
        "NaN",
    ]
    (tmp_path / "a.json").write_text("".join(f'{{"a": {text}}}\n' for text in texts))
    types, found = rows(spark, tmp_path / "a.json")
    assert types == [("a", "double")]
    assert repr([one for (one,) in found]) == repr([float(text) for text in texts])


def test_round_numbers_of_a_column_that_a_step_names(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": 0.12345678901234567890}\n')
    df, _ = read(spark, Input.model_validate({"format": "json", "path": str(tmp_path)}), Wanted(frozenset(["a"])))
    assert df.collect()[0][0] == 0.12345678901234568


@pytest.mark.parametrize("text", ['{"a": "caf\xe9"}', '{"a": ["caf\xe9"]}', '{"a": {"b": "\xff"}}'])
def test_stop_at_bytes_that_are_not_utf8(spark: SparkSession, tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError) as caught:
        rows(spark, tmp_path / "a.json")
    assert caught.value.exit_code == 65
    assert caught.value.code in ("DATA_INEXACT", "INPUT_DAMAGED")


def test_refuse_maps_by_another_type(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": {"1": 2}}\n')
    with pytest.raises(
        DataError, match=r"column 'a': expected a map by string, as JSON's keys are, found map<int,int>"
    ):
        rows(spark, tmp_path / "a.json", schema="a map<int, int>")
    assert rows(spark, tmp_path / "a.json", schema="a map<string, decimal(3,1)>")[1] == [({"1": Decimal("2.0")},)]


def test_keep_microseconds_by_a_schema(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": "2026-01-02T03:04:05.123456Z", "b": 0.1}\n')
    df, _ = read(
        spark, Input.model_validate({"format": "json", "path": str(tmp_path), "schema": "a timestamp, b double"})
    )
    seconds = df.selectExpr("unix_micros(a)", "b").collect()[0]
    assert seconds[0] % 10**6 == 123456
    assert math.isclose(seconds[1], 0.1, rel_tol=0)
