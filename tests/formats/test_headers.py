"""Headers of CSV files, as Python's own writer and the files themselves have them."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkscale.errors import DataError
from sparkscale.formats.headers import Dialect, Headers, named, partition_keys

RECORDS = [
    (b"a,b\n1,2\n", {}, ["a", "b"]),
    (b"\xef\xbb\xbfa,b\n", {}, ["a", "b"]),
    (b'\xef\xbb\xbf"a",b\r\n', {}, ["a", "b"]),
    (b"a,b", {}, ["a", "b"]),
    (b"\n\n\na,b\n", {}, ["a", "b"]),
    (b",x,\n", {}, ["", "x", ""]),
    (b'"a ""q""","b\nc"\n', {}, ['a "q"', "b\nc"]),
    (b"'a;b';c\n", {"sep": ";", "quote": "'"}, ["a;b", "c"]),
    (b'"a\\"b",c\n', {"escape": "\\"}, ['a"b', "c"]),
    (b"#x\na,b\n", {"comment": "#"}, ["a", "b"]),
    ("caf\xe9,b\n".encode("latin-1"), {"ENCODING": "ISO-8859-1"}, ["caf\xe9", "b"]),
    ("a,b\n".encode("utf-16"), {"charset": "UTF-16"}, ["a", "b"]),
    (b"", {}, []),
    (b"\n\n", {}, []),
    (b"a||b\n", {"sep": "||"}, None),
    (b"a,b;", {"lineSep": ";"}, None),
]


@pytest.mark.parametrize(("data", "options", "record"), RECORDS)
def test_read_first_record(tmp_path: Path, data: bytes, options: dict[str, str], record: list[str] | None) -> None:
    for name, packed in (("a.csv", data), ("a.csv.gz", gzip.compress(data)), ("a.csv.bz2", bz2.compress(data))):
        (tmp_path / name).write_bytes(packed)
        assert Dialect.of(options).first_record(str(tmp_path / name)) == record
    (tmp_path / "a.csv.zst").write_bytes(b"only an engine reads this")
    assert Dialect.of(options).first_record(str(tmp_path / "a.csv.zst")) is None


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00\ufeff")), min_size=2))
def test_read_what_python_writes(names: list[str]) -> None:
    if not any(names):
        return
    text = io.StringIO(newline="")
    csv.writer(text).writerows([names, ["1"]])
    place = Path("/tmp") / f"header-{id(names)}.csv"  # noqa: S108 - hypothesis has no function-scoped folder
    place.write_text(text.getvalue(), encoding="utf-8", newline="")
    try:
        assert Dialect.of({}).first_record(str(place)) == names
    finally:
        place.unlink()


@pytest.mark.parametrize("data", [b"a,\xff\n", b"\x00\x01\xff\xfe"])
def test_refuse_what_is_no_text(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(DataError, match=r"expected CSV text in .*a\.csv"):
        Dialect.of({}).first_record(str(tmp_path / "a.csv"))


def test_name_what_has_no_name() -> None:
    assert named(["", "x", ""], "a.csv", case_sensitive=False) == ("_c0", "x", "_c2")


@pytest.mark.parametrize("record", [["x", "y", "x"], ["x", "X"], ["_c1", ""]])
def test_refuse_a_name_twice(record: list[str]) -> None:
    with pytest.raises(DataError, match=r"the header of a.csv names column '.*' twice; give each"):
        named(record, "a.csv", case_sensitive=False)
    if record[1] == "X":
        assert named(record, "a.csv", case_sensitive=True) == ("x", "X")


def test_compare_headers_by_name() -> None:
    headers = Headers({("x", "y"): ["a"], ("Y", "x"): ["b"]})
    headers.check(["y", "x"], "input.schema")
    assert headers.in_order(("Y", "x"), ["x", "y"]) == ["y", "x"]
    cause = r"expected the columns of input.schema in the header of b, found no 'Y'"
    with pytest.raises(DataError, match=cause):
        Headers({("x", "Y"): ["a"], ("x", "y"): ["b"]}, case_sensitive=True).check(["x", "Y"], "input.schema")
    with pytest.raises(DataError, match="found 'y' beside them"):
        headers.check(["x"], "a")


@pytest.mark.parametrize(
    ("file", "root", "keys"),
    [
        ("file:///in/k=1/a.csv", "/in", ["k"]),
        ("file:///in/k=1/m=a%20b/a.csv", "/in/", ["k", "m"]),
        ("s3://b/in/k=1/a.csv", "s3://b/in", ["k"]),
        ("file:///in/k=1/a.csv", "/in/k=1", []),
        ("file:///in/k=1/a.csv", "/in/*/*.csv", []),
        ("file:///in/k=1/sub/a=b.csv", "/in", ["k"]),
    ],
)
def test_find_names_in_folders(file: str, root: str, keys: list[str]) -> None:
    assert partition_keys([file], root) == keys
