"""Which value of a CSV file is no number, and which sign separates the names of its header."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkscale.formats.headers import Dialect
from sparkscale.formats.misread import Misread, find, separator

HEADER = Dialect.of({"header": "true"})
TYPES = {"x": "double", "n": "int", "flag": "boolean", "text": "string"}


@pytest.mark.parametrize(("rows", "found"), [
    ("1.5,2,true,a\n-1e3,+7,FALSE,?\n,,,\nNaN,-0,true,\n", None),
    ("1,2,true,a\n1,2.5,true,a\n", ("n", "2.5", 3)),
    ("1,2,true,a\n1,2,yes,a\n", ("flag", "yes", 3)),
    ("1,2,true,'a\nb'\n?,2,true,a\n".replace("'", '"'), ("x", "?", 4)),
])  # fmt: skip
def test_find_the_first_value_of_another_type(tmp_path: Path, rows: str, found: tuple[str, str, int] | None) -> None:
    file = tmp_path / "a.csv"
    file.write_text("X,n,flag,text\n" + rows)
    expected = found and Misread(found[0], found[1], f"line {found[2]} of {file}")
    assert find([str(file)], HEADER, TYPES, None) == expected


def test_find_by_position_and_take_nulls_for_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1;NA\n2;?\n")
    dialect = Dialect.of({"sep": ";", "nullValue": "NA"})
    assert find([str(tmp_path / "a.csv")], dialect, {"b": "double"}, ["a", "b"]) == Misread(
        "b", "?", f"line 2 of {tmp_path / 'a.csv'}"
    )
    assert (
        find([str(tmp_path / "a.csv")], Dialect.of({"sep": ";", "locale": "de"}), {"b": "double"}, ["a", "b"]) is None
    )
    assert find(["s3://bucket/a.csv"], dialect, {"b": "double"}, ["a", "b"]) is None


@pytest.mark.parametrize(("header", "options", "sign"), [
    (["a;b"], {}, ";"), (["a\tb"], {}, "\t"), (["a|b"], {}, "|"), (["a,b"], {"sep": ";"}, ","),
    (["a"], {}, None), (["a,b"], {}, None), (["a;b", "c"], {}, None), ([], {}, None),
])  # fmt: skip
def test_find_the_separator_of_a_header(header: list[str], options: dict[str, str], sign: str | None) -> None:
    assert separator(header, Dialect.of(options)) == sign
