"""Open quotes at the end of CSV files; Python's own strict reader says where they are."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkscale.errors import DataError
from sparkscale.formats.headers import Dialect
from sparkscale.formats.quotes import check_quotes

CLOSED = [
    'a,b\n1,"x\ny"\n', 'a,b\n1,5" pipe\n', 'a\n"say ""hi"""\n', "a,b\n1,2", "", '"', 'a,5" pipe and 6" pipe\n1,2\n',
]  # fmt: skip
OPEN = ['a,b\n1,"x\n', 'a,b\n1,"x\ny,z\n', 'a\n"say ""hi""\n', 'a,b\n5" pipe,6" pipe\n7,"x\n', 'a,b\n1,"']


def is_open(tmp_path: Path, text: str, **options: str) -> bool:
    """Whether the file is refused."""
    (tmp_path / "a.csv").write_bytes(text.encode())
    try:
        check_quotes([str(tmp_path / "a.csv")], Dialect(options))
    except DataError as error:
        return (error.code, error.exit_code) == ("INPUT_DAMAGED", 65) and str(tmp_path / "a.csv") in str(error)
    return False


@pytest.mark.parametrize("text", [text for text in CLOSED if text != '"'])
def test_accept_quotes_that_are_closed(tmp_path: Path, text: str) -> None:
    assert not is_open(tmp_path, text)


@pytest.mark.parametrize("text", [*OPEN, '"'])
def test_refuse_a_quote_that_is_open(tmp_path: Path, text: str) -> None:
    assert is_open(tmp_path, text)


def test_follow_the_options(tmp_path: Path) -> None:
    assert not is_open(tmp_path, 'a,b\n1,"x\n', quote="'")
    assert is_open(tmp_path, "a,b\n1,'x\n", quote="'")
    assert not is_open(tmp_path, 'a,b\n1,"x\\"y"\n', escape="\\")
    assert not is_open(tmp_path, '#"\na,b\n', comment="#")
    assert not is_open(tmp_path, 'a||b\n1||"x\n', sep="||")  # a form that Python has no reader for


def test_leave_files_elsewhere_and_damaged_ones_to_the_engine(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(b'a,"b\n')
    (tmp_path / "b.csv").write_bytes(b'a,"\xff"\n"')
    files = ["s3://bucket/a.csv", str(tmp_path / "a.csv.gz"), str(tmp_path / "b.csv")]
    check_quotes(files, Dialect({}))


@given(rows=st.lists(st.lists(st.text('a," \n\r'), min_size=2, max_size=3)), cut=st.integers(0, 60))
def test_find_what_a_cut_file_leaves_open(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], cut: int
) -> None:
    """A file of Python's writer, all quoted, is open where it is cut inside a field: after an odd number of quotes."""
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    part = text.getvalue()[:cut]
    assert is_open(tmp_path_factory.mktemp("cut"), part) == (part.count('"') % 2 == 1)
