"""CSV files and what they hold, for every engine: read by a job's own reader, compared with what was written here."""

from __future__ import annotations

import gzip
import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NAN = "NaN"


@dataclass(frozen=True)
class Case:
    """Files of one folder, how they are read, and either the columns or the error."""

    name: str
    files: Mapping[str, str | bytes]
    #: By column, its values; or an error's code and a part of what it says.
    expected: Mapping[str, list[Any]] | tuple[str, str]
    schema: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    named: tuple[str, ...] = ()
    known: Mapping[str, str] = field(default_factory=dict)
    #: What Sail makes of it, where it differs.
    sail: Mapping[str, list[Any]] | tuple[str, str] | None = None


def one(name: str, text: str | bytes, expected: Any, schema: str | None = None, **more: Any) -> Case:
    """Return a case of one file."""
    return Case(name, {"a.csv": text}, expected, schema, **more)


S, X, T = "s", "x", "t"
ABC = "s string, x double, t string"
DAMAGED = ("INPUT_DAMAGED", "")
#: Not UTF-8, behind what is read of a file to find its header.
LATIN = ("s,x,t\n" + "a,1,b\n" * 20_000 + "a,1,caf\xe9\n").encode("latin-1")
UNCLOSED = ("INPUT_DAMAGED", "expected a closing quote in ")

#: Records: quotes, newlines, too few or too many fields.
RECORDS = [
    one("backslash at the end", 's,x,t\na,1,b\n"C:\\",1000,"c"\nd,3,e\n',
        {S: ["a", "C:\\", "d"], X: [1.0, 1000.0, 3.0], T: ["b", "c", "e"]}, ABC),
    one("backslashes", 's,x,t\na\\,1,b\\n\n"q\\""r",2,\\\n', {S: ["a\\", 'q\\"r'], X: [1.0, 2.0], T: ["b\\n", "\\"]}, ABC),
    one("doubled quotes", 's,x,t\n"5"" pipe",1,"say ""hi"""\n', {S: ['5" pipe'], X: [1.0], T: ['say "hi"']}, ABC),
    one("a lone quote", 's,x,t\na,1,5" pipe\nb,2,c\n', {S: ["a", "b"], X: [1.0, 2.0], T: ['5" pipe', "c"]}, ABC),
    one("newlines in quotes", 's,x,t\n"a\nb",1,"c\n\nd"\n', {S: ["a\nb"], X: [1.0], T: ["c\n\nd"]}, ABC),
    one("carriage returns in quotes", 's,x,t\n"a\rb",1,"c\r\nd"\n', {S: ["a\rb"], X: [1.0], T: ["c\r\nd"]}, ABC),
    one("blanks", "s,x,t\n a ,1, \n", {S: [" a "], X: [1.0], T: [" "]}, ABC),
    one("BOM and CRLF", b"\xef\xbb\xbfs,x,t\r\na,1,b\r\n", {S: ["a"], X: [1.0], T: ["b"]}, ABC),
    one("BOM and quotes", b'\xef\xbb\xbf"s",x,t\na,1,b\n', {S: ["a"], X: [1.0], T: ["b"]}, ABC),
    one("blank lines", "\ns,x,t\n\na,1,b\n\n\nc,2,d\n\n", {S: ["a", "c"], X: [1.0, 2.0], T: ["b", "d"]}, ABC),
    one("no newline at the end", "s,x,t\na,1,b\nc,2,d", {S: ["a", "c"], X: [1.0, 2.0], T: ["b", "d"]}, ABC),
    one("only carriage returns", "s,x,t\ra,1,b\rc,2,d\r", {S: ["a", "c"], X: [1.0, 2.0], T: ["b", "d"]}, ABC),
    one("empty and null", 's,x,t\n"",1,\n,2,""\n', {S: ["", None], X: [1.0, 2.0], T: [None, ""]}, ABC,
        sail={S: [None, None], X: [1.0, 2.0], T: [None, None]}),
    one("words for nothing", "s,x,t\nNA,1,null\nNaN,2,None\n", {S: ["NA", "NaN"], X: [1.0, 2.0], T: ["null", "None"]}, ABC),
    one("an open quote", 's,x,t\na,1,b\nc,2,"d\ne,3,f\n', UNCLOSED, ABC),
    one("an open quote at the end", 's,x,t\na,1,b\nc,2,"d', UNCLOSED, ABC),
    one("an open quote, no schema", 's\n"a\nb\nc\n', UNCLOSED),
    one("an open quote before others", 's,x,t\na,1,"b\nc,2,"d"\ne,3,f\n', UNCLOSED, ABC),
    Case("an open quote in one of two files", {"a.csv": "s,x,t\na,1,b\n", "b.csv": 's,x,t\na,1,"b\n'}, UNCLOSED, ABC),
    Case("an open quote, compressed", {"a.csv.gz": gzip.compress(b's,x,t\na,1,"b\n')}, UNCLOSED, ABC),
    one("quotes that mean nothing", 's,x,t\na,1,"b\nc,2,d\n', {S: ["a", "c"], X: [1.0, 2.0], T: ['"b', "d"]}, ABC,
        options={"quote": "\x01"}),
    one("no UTF-8 in a value", LATIN, ("DATA_INEXACT", "column 't' holds bytes that are not UTF-8"), ABC),
    one("no UTF-8 in a value, no schema", LATIN, ("DATA_INEXACT", "input.options.encoding")),
    one("U+FFFD, asked for", "s,x,t\na,1,\ufffd\n", {S: ["a"], X: [1.0], T: ["\ufffd"]}, ABC, options={"encoding": "utf-8"}),
    one("too few fields", "s,x,t\na,1,b\nb,2\nd,3,e\n", DAMAGED, ABC),
    one("too many fields", "s,x,t\na,1,b\nb,2,c,d\nd,3,e\n", DAMAGED, ABC),
    one("too few fields, no schema", "s,x,t\na,1,b\nb,2\n", DAMAGED),
    one("too many fields, no schema", "s,x,t\na,1,b\nb,2,c,d\n", DAMAGED),
    one("text for a number", "s,x,t\na,hello,b\n", DAMAGED, ABC),
    one("not UTF-8", "s,x,caf\xe9\na,1,b\n".encode("latin-1"), ("INPUT_DAMAGED", "expected CSV text in ")),
    Case("compressed", {"a.csv.gz": gzip.compress(b"s,x,t\na,1,b\n")}, {S: ["a"], X: [1.0], T: ["b"]}, ABC),
]  # fmt: skip
#: Headers: without names, twice the same, in another order, of other columns.
HEADERS = [
    one("pandas' index", ",x,t\n0,1.5,a\n1,2.5,b\n", {"_c0": [0, 1], X: [1.5, 2.5], T: ["a", "b"]}),
    one("a comma at the end", "x,t,\n1.5,a,\n", {X: [1.5], T: ["a"], "_c2": [None]}),
    one("index by a schema", ",x\n0,1.5\n", {"_c0": [0], X: [1.5]}, "`_c0` int, x double"),
    one("a name twice", "x,x\n1,2\n", ("SCHEMA_DUPLICATE", "a.csv names column 'x' twice; give each column a name of its own")),
    one("a name twice, by case", "x,X\n1,2\n", ("SCHEMA_DUPLICATE", "names column 'X' twice")),
    Case("another order", {"a.csv": "x,y\n1,a\n", "b.csv": "y,x\nb,2\n"}, {X: [1, 2], "y": ["a", "b"]}),
    Case("another order by a schema", {"a.csv": "x,y\n1,a\n", "b.csv": "y,x\nb,2\n"}, {"y": ["a", "b"], X: [1.0, 2.0]},
         "y string, x double"),
    Case("another case", {"a.csv": "x,y\n1,a\n", "b.csv": "Y,X\nb,2\n"}, {X: [1, 2], "y": ["a", "b"]}),
    Case("three orders", {"a.csv": "x,y,z\n1,a,p\n", "b.csv": "y,x,z\nb,2,q\n", "c.csv": "z,y,x\nr,c,3\n"},
         {X: [1, 2, 3], "y": ["a", "b", "c"], "z": ["p", "q", "r"]}),
    Case("other columns", {"a.csv": "x,y\n1,a\n", "b.csv": "x,z\n2,b\n"}, ("SCHEMA_HEADER", "b.csv, found no 'y' and 'z' beside them")),
    Case("one column more", {"a.csv": "x,y\n1,a\n", "b.csv": "x,y,z\n2,b,c\n"}, ("SCHEMA_HEADER", "b.csv, found 'z' beside them")),
    one("not the schema", "x,y\n1,2\n", ("SCHEMA_HEADER", "enforceSchema: true} to go by position"), "x double, z string"),
    one("a column not in the schema", "x,y\n1,2\n", ("SCHEMA_HEADER", "found 'y' beside them"), "x double"),
    one("by position", "x,y\n1,a\n", {X: [1.0], "z": ["a"]}, "x double, z string", options={"enforceSchema": True}),
    one("no header", "1,a\n2,b\n", {"_c0": [1, 2], "_c1": ["a", "b"]}, options={"header": False}),
    one("no header, by a schema", "1,a\n", {X: [1.0], "y": ["a"]}, "x double, y string", options={"header": False}),
    one("a header alone", "x,y\n", ("DATA_NO_ROWS", "expected rows in ")),
    one("an empty file", "", ("DATA_NO_ROWS", "found empty files")),
    Case("no file", {"_SUCCESS": ""}, ("INPUT_EMPTY", "expected CSV files in ")),
    Case("an empty file beside others", {"a.csv": "", "b.csv": "x,y\n1,a\n", "c.csv": "x,y\n"}, {X: [1], "y": ["a"]}),
    Case("folders", {"zip=00501/a.csv": "x,y\n1,a\n", "zip=2/b.csv": "x,y\n2,b\n"}, {X: [1, 2], "y": ["a", "b"], "zip": ["00501", "2"]}),
    Case("folders of another order", {"zip=00501/a.csv": "x,y\n1,a\n", "zip=2/b.csv": "y,x\nb,2\n"},
         {X: [1, 2], "y": ["a", "b"], "zip": ["00501", "2"]}, sail=("SCHEMA_HEADER", "Sail needs one order")),
    Case("folders by a schema", {"k=1/a.csv": "x,y\n1,a\n"}, {X: [1.0], "y": ["a"], "k": [1]}, "x double, y string, k int"),
    Case("odd names", {"my [file] 100%.csv": "a.b,x y,q`z\n1,2,a\n"}, {"a.b": [1], "x y": [2], "q`z": ["a"]}),
]  # fmt: skip


def values(*texts: str) -> str:
    """Return a file of one column beside another one."""
    return "v,w\n" + "".join(f"{text},k\n" for text in texts)


def decided(name: str, texts: list[str], expected: list[Any], **more: Any) -> Case:
    """Return a case of a column whose values decide its type."""
    return one(name, values(*texts), {"v": expected, "w": ["k"] * len(texts)}, **more)


#: Texts that Java's and Python's `$` end before: a line's end is part of a text.
LINES = ["1\n", "1\r\n", "1.5\n", "1e3\n", "-0\n", "1\r", "1\u2028", "NaN\n", "2020-01-01\n", "true\n", "\n1", "1\n2"]


def lines(before: int, *, named: bool = False) -> Case:
    """Return a case of a column for each of these texts, behind so many rows of numbers."""
    names = [f"c{number}" for number in range(len(LINES))]
    rows = [",".join(names), *[",".join("7" for _ in names)] * before, ",".join(f'"{text}"' for text in LINES)]
    expected = {name: ["7"] * before + [text] for name, text in zip(names, LINES, strict=True)}
    told = f"line ends behind {before} numbers{', named' if named else ''}"
    return one(told, "\n".join(rows) + "\n", expected, named=tuple(names) if named else ())


#: Types without a schema.
TYPES = [
    decided("whole", ["1", "-2", "0"], [1, -2, 0]),
    decided("whole, of 64 bits", ["9223372036854775807", "-9223372036854775808"], [2**63 - 1, -(2**63)]),
    decided("whole, of more", ["9223372036854775808", "1"], ["9223372036854775808", "1"]),
    decided("fractions", ["1.5", "2", "-0.25"], [1.5, 2.0, -0.25]),
    decided("fractions late", ["1"] * 1500 + ["0.5"], [1.0] * 1500 + [0.5]),
    decided("exponents", ["1e3", "2.5E-3"], [1000.0, 0.0025]),
    decided("as pandas writes them", [repr(0.1 + 0.2), repr(1 / 3)], [0.1 + 0.2, 1 / 3]),
    decided("more digits than a double", ["0.12345678901234567890", "1"], ["0.12345678901234567890", "1"]),
    decided("digits that a double loses", ["0.10000000000000001", "1"], ["0.10000000000000001", "1"]),
    decided("digits that a double loses, named", ["0.10000000000000001", "1"], [0.1, 1.0], named=("v",)),
    decided("17 digits, not the shortest", ["0.30000000000000004", "2.00000000000000011"],
            ["0.30000000000000004", "2.00000000000000011"]),
    decided("16 digits", ["0.1234567890123456", "9007199254740993.5"], ["0.1234567890123456", "9007199254740993.5"]),
    decided("long, no digit lost", ["0.00012345678901234567", "0.1000000000000000000", "1000000000000000000000000.0"],
            [0.00012345678901234567, 0.1, 1e24]),
    decided("as pandas writes small and large ones", [repr(1 / 81e3), repr(-(2**90) / 3)], [1 / 81e3, -(2**90) / 3]),
    decided("leading zeros", ["00123", "99"], ["00123", "99"]),
    decided("suffixes", ["12D", "13"], ["12D", "13"]),
    decided("times", ["08:15:00"], ["08:15:00"]),
    decided("dates", ["2026-01-02"], ["2026-01-02"]),
    decided("truth", ["true", "false"], ["true", "false"]),
    decided("signs", ["+1", "1"], ["+1", "1"]),
    decided("minus zero", ["-0", "1"], [-0.0, 1.0]),
    decided("separators", ["1_000", "1"], ["1_000", "1"]),
    decided("blanks", [" 1", "1"], [" 1", "1"]),
    decided("words", ["NaN", "1"], ["NaN", "1"]),
    decided("out of range", ["1e400", "1"], ["1e400", "1"]),
    decided("digits of others", ["\u0663", "1"], ["\u0663", "1"]),
    decided("nulls beside", ["", "1"], [None, 1]),
    decided("nothing", ["", ""], [None, None]),
    decided("quoted", ['"1"', '"2"'], [1, 2]),
    decided("quoted nothing in numbers", ['""', "1.5"], [None, 1.5]),
    decided("loose, named", ["+1.5", ".5", "NaN", "007"], [1.5, 0.5, NAN, 7.0], named=("v",)),
    decided("text, named", ["1", "x"], ["1", "x"], named=("v",)),
    decided("more digits, named", ["0.12345678901234567890"], [0.12345678901234568], named=("v",)),
    decided("whole, double in the fit", ["1", "2"], [1.0, 2.0], known={"v": "double"}),
    decided("whole, text in the fit", ["1", "2"], ["1", "2"], known={"v": "string"}),
    decided("NA", ["NA", "1.5"], [None, 1.5], options={"nullValue": "NA"}),
    decided("a number for nothing", ["-99", "7"], [None, 7], options={"nullValue": "-99"}),
    one("a number for nothing, by a schema", values("-99", "7"), {"v": [None, 7.0], "w": ["k", "k"]}, "v double, w string",
        options={"nullValue": "-99"}),
    decided("not asked", ["1"], ["1"], options={"inferSchema": False}),
    decided("microseconds", ["2026-01-02 03:04:05.123456"], ["2026-01-02 03:04:05.123456"]),
    *(lines(0), lines(0, named=True), lines(150), lines(150, named=True)),
]  # fmt: skip
CASES = [*RECORDS, *HEADERS, *TYPES]
#: Those that a job over Connect reads as well: its engine is the same, its client another one.
CONNECTED = [case for case in TYPES if case.name.startswith("line ends ")]


def written(case: Case, folder: Path) -> Path:
    """Write a case's files."""
    for name, data in case.files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data if isinstance(data, bytes) else data.encode())
    return folder


def found(spark: Any, case: Case, folder: Path) -> Any:
    """Return what a job's reader makes of a case: JSON values by column, rows in order, or the error."""
    from sparkscale.config.data import Input
    from sparkscale.errors import SparkscaleError
    from sparkscale.formats.texttypes import Wanted
    from sparkscale.spark.session.failures import translated
    from sparkscale.spark.sources.read import read

    section = {"format": "csv", "path": str(written(case, folder)), "options": dict(case.options)}
    source = Input.model_validate(section | ({"schema": case.schema} if case.schema else {}))
    try:
        df, _ = read(spark, source, Wanted(frozenset(case.named), case.known))
        with translated("reading"):
            rows = [tuple(row) for row in df.collect()]
    except SparkscaleError as error:
        return [error.code, str(error), error.exit_code]
    if len(case.files) > 1:
        rows.sort(key=str)
    columns = zip(*rows, strict=True) if rows else [[] for _ in df.columns]
    return {name: [_json(value) for value in column] for name, column in zip(df.columns, columns, strict=True)}


def _json(value: Any) -> Any:
    return NAN if isinstance(value, float) and math.isnan(value) else value


def assert_as_expected(case: Case, result: Any, expected: Any) -> None:
    """Compare, types included: 1 is not 1.0, and -0.0 is not 0.0."""
    if isinstance(expected, tuple):
        code, said = expected
        assert isinstance(result, list), result
        assert (result[0], result[2]) == (code, 65), result
        assert said in result[1], result
        return
    assert json.dumps(result) == json.dumps(dict(expected)), case.name


def main(engine: str, folder: Path) -> None:
    """Read the cases on Sail, or over Connect, and print what came of them."""
    from sparkscale.config.models import Spark
    from sparkscale.spark.session.session import session

    cases, settings = (CASES, Spark(engine="sail")) if engine == "sail" else (CONNECTED, Spark(remote="local[2]"))
    with session(settings, "texts") as spark:
        results = [found(spark, case, folder / str(number)) for number, case in enumerate(cases)]
    print(json.dumps(results))  # noqa: T201 - read by the test


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
