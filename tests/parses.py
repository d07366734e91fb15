"""Texts in CSV and JSON and what a type makes of them, for every engine: ``python -m tests.parses FOLDER`` is Sail's.

A text is either the value, to its last digit, or stops the job.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

#: By type, texts with the value they stand for, as Python and the standards say.
KEPT: Mapping[str, Mapping[str, str]] = {
    "decimal(10,2)": {
        "1.55": "1.55", "1.5": "1.50", "1.550": "1.55", "-0.05": "-0.05", "1e2": "100.00", "99999999.99": "99999999.99",
        "0": "0.00", "155e-2": "1.55", "1.5E+1": "15.00",
    },
    "decimal(38,18)": {"0.123456789012345678": "0.123456789012345678", "-12345678901234567890": "-12345678901234567890.000000000000000000"},
    "decimal(38,0)": {"99999999999999999999999999999999999999": "99999999999999999999999999999999999999", "1e20": "100000000000000000000"},
    "decimal(38,38)": {"0.00000000000000000000000000000000000001": "0.00000000000000000000000000000000000001"},
    "date": {
        "2026-01-02": "2026-01-02", "0001-01-01": "0001-01-01", "9999-12-31": "9999-12-31",
        "2026-01-02 00:00:00": "2026-01-02", "2026-01-02T00:00:00.000": "2026-01-02",
    },
    "timestamp": {
        "2026-01-02T03:04:05.123456Z": "2026-01-02 03:04:05.123456", "2026-01-02 03:04:05+02:00": "2026-01-02 01:04:05",
        "2026-01-02 03:04:05": "2026-01-02 03:04:05", "2026-01-02T03:04": "2026-01-02 03:04:00", "2026-01-02": "2026-01-02 00:00:00",
        "0001-01-01T00:00:00.000001Z": "0001-01-01 00:00:00.000001", "9999-12-31 23:59:59.999999": "9999-12-31 23:59:59.999999",
        "2026-01-02T03:04:05.123456000Z": "2026-01-02 03:04:05.123456", "2026-01-02 03:04:05 Europe/Paris": "2026-01-02 02:04:05",
    },
    "timestamp_ntz": {
        "2026-01-02T03:04:05.123456": "2026-01-02 03:04:05.123456", "2026-01-02 03:04:05.5": "2026-01-02 03:04:05.5",
        "0001-01-01T00:00:00.000001": "0001-01-01 00:00:00.000001", "2026-01-02": "2026-01-02 00:00:00",
    },
    "time(6)": {"01:02:03.123456": "01:02:03.123456", "23:59": "23:59:00", "01:02:03.500000000": "01:02:03.5"},
    "bigint": {"9223372036854775807": "9223372036854775807", "-1": "-1"},
    "string": {"1.50": "1.50", "caf\u00e9": "caf\u00e9", "\U0001f600": "\U0001f600"},
}  # fmt: skip
#: By type, texts that it cannot hold.
STOPPED: Mapping[str, list[str]] = {
    "decimal(10,2)": ["1.555", "9.999", "0.001", "1e-3", "1555e-3", "123456789.5", "1,5", "1,000.50", "abc"],
    "decimal(38,18)": ["0.1234567890123456789", "123456789012345678901"],
    "date": ["2026-01-02T03:04:05", "2026-01-02 03:04:05", "2026-01-02 00:00:01", "2026-01-02 noon", "08:15:00", "abc"],
    "timestamp": ["2026-01-02T03:04:05.123456789", "2026-01-02T03:04:05.1234567Z", "08:15:00", "T08:15:00", "abc",
                  "5\n"],
    "timestamp_ntz": ["2026-01-02T03:04:05Z", "2026-01-02 03:04:05+02:00", "2026-01-02T03:04:05.123456789", "08:15:00"],
    "time(6)": ["01:02:03.123456789", "01:02:03.0000001"],
    "bigint": ["9223372036854775808", "1.5"],
    "string": ["\ufffd", "caf\ufffd"],
}  # fmt: skip
#: JSON numbers; those of quotes are among the texts.
NUMBERS = {"decimal(10,2)", "decimal(38,18)", "decimal(38,0)", "decimal(38,38)", "bigint"}
FORMATS = ("csv", "json", "json in a struct", "json in an array")


def content(format_: str, type_: str, texts: list[str]) -> tuple[str, str, str]:
    """Return a file's text, its schema, and the expression of the value in it."""
    if format_ == "csv":
        quoted = ['"{}"'.format(text.replace('"', '""')) for text in texts]
        return "i,v\n" + "".join(f"{i},{text}\n" for i, text in enumerate(quoted)), f"i int, v {type_}", "v"
    values = texts if type_ in NUMBERS else [json.dumps(text, ensure_ascii=False) for text in texts]
    value, ddl, path = {
        "json": ("%s", f"v {type_}", "v"),
        "json in a struct": ('{"a": {"b": %s}}', f"v struct<a: struct<b: {type_}>>", "v.a.b"),
        "json in an array": ("[%s]", f"v array<{type_}>", "v[0]"),
    }[format_]
    lines = [f'{{"i": {i}, "v": {value % text}}}\n' for i, text in enumerate(values)]
    return "".join(lines), f"i int, {ddl}", path


def is_json(text: str) -> bool:
    """Whether a number is one of JSON."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def found(spark: Any, format_: str, type_: str, texts: list[str], folder: Path) -> Any:
    """Return the values as text, or the error's code and what it says."""
    from sparkscale.config.data import Input
    from sparkscale.errors import SparkscaleError
    from sparkscale.spark.session.failures import translated
    from sparkscale.spark.sources.read import read

    data, ddl, path = content(format_, type_, texts)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"a.{format_[:4]}").write_text(data, encoding="utf-8")
    try:
        df, _ = read(
            spark, Input.model_validate({"format": format_.split(maxsplit=1)[0], "path": str(folder), "schema": ddl})
        )
        with translated("reading"):
            return [row[0] for row in df.selectExpr(f"cast({path} as string)").collect()]
    except SparkscaleError as error:
        return [error.exit_code, str(error)]


def wrong(spark: Any, folder: Path, *, replaces: bool = True, formats: Sequence[str] = FORMATS) -> list[Any]:
    """Return every case that did not come out as it should: a value that is lost, or one that is refused.

    ``replaces`` says that the engine's JSON reader puts U+FFFD in place of what is no text; else it stops there.
    """
    bad: list[Any] = []
    for place, format_ in enumerate(formats):
        for number, (type_, kept) in enumerate(KEPT.items()):
            if format_ == "json in an array" and type_ == "time(6)":
                continue
            result = found(spark, format_, type_, list(kept), folder / f"{place}-{number}")
            if result != list(kept.values()):
                bad.append([format_, type_, result])
        for type_, texts in STOPPED.items():
            for number, text in enumerate(texts if " " not in format_ else texts[:2]):
                if format_ != "csv" and (
                    (type_ in NUMBERS and not is_json(text)) or (type_ == "string" and not replaces)
                ):
                    continue
                result = found(spark, format_, type_, [text], folder / f"{place}-{type_}-{number}")
                if result[0] != 65:
                    bad.append([format_, type_, text, result])
    return bad


def main(folder: Path) -> None:
    """Print what Sail does wrong."""
    from sparkscale.config.models import Spark
    from sparkscale.spark.session.session import session

    with session(Spark(engine="sail"), "parses") as spark:
        print(json.dumps(wrong(spark, folder, replaces=False)))  # noqa: T201 - read by the test


if __name__ == "__main__":
    main(Path(sys.argv[1]))
