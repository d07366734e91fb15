"""How much of an input is read before the engine reads it: files up to a limit, packed ones by what they cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkscale.errors import DataError
from sparkscale.formats import quotes, reach
from sparkscale.formats.documents import check_documents
from sparkscale.formats.headers import Dialect
from sparkscale.formats.quotes import check_quotes


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give files of 100 bytes, of which three are within the limit."""
    monkeypatch.setattr(reach, "LIMIT", 300)
    for name in "abcd":
        (tmp_path / f"{name} 1.csv").write_bytes(b'x"' + b"y" * 98)
    return [f"file://{tmp_path}/{name}%201.csv" for name in "abcd"]


def test_read_files_up_to_the_limit(files: list[str]) -> None:
    read, left = reach.within(["s3://bucket/a.csv", *files, "s3://bucket/b.csv"])
    assert [place.name for place in read] == ["a 1.csv", "b 1.csv", "c 1.csv"]
    assert [place.name for place in left] == ["d 1.csv"]


def test_count_what_unpacking_costs(tmp_path: Path, files: list[str]) -> None:
    (tmp_path / "a.csv.gz").write_bytes(b"x" * 60)
    (tmp_path / "b.csv.BZ2").write_bytes(b"x" * 13)
    assert reach.within([str(tmp_path / "a.csv.gz"), files[0]])[1] == [tmp_path / "a 1.csv"]
    assert reach.within([str(tmp_path / "b.csv.BZ2")])[1]


def test_leave_what_is_missing_to_the_engine() -> None:
    assert reach.within(["/none.csv"]) == ([Path("/none.csv")], [])


def test_check_quotes_and_documents_within_the_limit(tmp_path: Path, files: list[str]) -> None:
    opened = [Path(file.removeprefix("file://").replace("%20", " ")) for file in files]
    opened[3].write_bytes(b'x\n"open')
    for place in opened[:3]:
        place.write_bytes(b"x\n" + b"1" * 98)
    check_quotes(files, Dialect({}))
    with pytest.raises(DataError, match=r"expected a closing quote in .*d 1"):
        check_quotes(files[2:], Dialect({}))
    opened[2].write_bytes(b"{} {}" + b" " * 300)
    check_documents(files, whole=True)


def test_read_a_file_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an open quote swallows is not held in memory: a field longer than any is one that it made."""
    monkeypatch.setattr(quotes, "_FIELD", 1000)
    (tmp_path / "a.csv").write_bytes(b'x,y\n1,"' + b"z,\n" * 100_000 + b'"\n1,5" pipe\n')
    with pytest.raises(DataError, match="expected a closing quote"):
        check_quotes([str(tmp_path / "a.csv")], Dialect({}))
