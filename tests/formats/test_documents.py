"""Where a JSON file's first document ends: compared with Python's own decoder."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkscale.errors import ConfigError, DataError
from sparkscale.formats.documents import check_documents, first_end

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab\"'\\{}[],:é\n"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('a"\\{}', max_size=3), inner, max_size=3),
)


@given(st.lists(VALUES, max_size=3), VALUES, st.booleans())
def test_find_the_end_of_the_first(value: list[Any], behind: Any, ascii_: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_)
    data = f"{text} {json.dumps(behind, ensure_ascii=ascii_)}"
    _, end = json.JSONDecoder().raw_decode(data)
    assert first_end(data.encode()) == len(data[:end].encode())


WHOLE = ['{"v": 1}\n', '[\n {"v": 1},\n {"v": 2}\n]\n', '{\n"v": "}"\n}', "", "1", '{"v":', "{'v': '}'}"]
MORE = ['{"v":1}\n{"v":2}\n', '{\n"v":1\n}\n{\n"v":2\n}\n', '{"v":1}{"v":2}', '[{"v":1}]\n{"v":2}\n', '{"v":1},\n{"v":2}\n',
        '{"v":1}\nhello']  # fmt: skip


@pytest.mark.parametrize("text", WHOLE)
def test_accept_one_document(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    check_documents([str(tmp_path / "a.json"), "s3://bucket/b.json"], whole=True)


@pytest.mark.parametrize("text", MORE)
def test_refuse_more_than_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    (tmp_path / "b.json.gz").write_bytes(gzip.compress(text.encode()))
    for name in ("a.json", "b.json.gz"):
        with pytest.raises(ConfigError, match=f"one document a file, found more behind the first in .*/{name}"):
            check_documents([str(tmp_path / name)], whole=True)


def test_refuse_two_documents_on_a_line(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    for text in ('{"v":1}\n{"v":2}\n', '{"v":1},\n{"v":2},\n', '[{"v":1}]\n', '{"v":1} \r\n'):
        file.write_text(text)
        check_documents([str(file)], whole=False)
    for text in ('{"v":1}{"v":2}', '{"v":1} {"v":2}\n', '{"v":1},{"v":2}\n'):
        file.write_text(text)
        with pytest.raises(DataError, match="one JSON document a line, found more behind the first") as caught:
            check_documents([str(file)], whole=False)
        assert caught.value.exit_code == 65
