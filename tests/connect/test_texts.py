"""CSV on Sail and over Connect: the same files come in as on Spark, but for what the cases say; JSON wants a schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests import jsons, texts, wheres
from tests.processes import ROOT, assert_done, python


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """Read every case in a process of its own."""
    done = python("-m", "tests.texts", "sail", str(tmp_path_factory.mktemp("texts")), cwd=ROOT)
    assert_done(done)
    return list(json.loads(done.stdout))


@pytest.mark.parametrize("number", range(len(texts.CASES)), ids=[case.name for case in texts.CASES])
def test_read_csv_on_sail(results: list[Any], number: int) -> None:
    case = texts.CASES[number]
    texts.assert_as_expected(case, results[number], case.expected if case.sail is None else case.sail)


def test_read_line_ends_over_connect(tmp_path: Path) -> None:
    done = python("-m", "tests.texts", "connect", str(tmp_path), cwd=ROOT)
    assert_done(done)
    found = json.loads(done.stdout)
    assert found
    for case, result in zip(texts.CONNECTED, found, strict=True):
        texts.assert_as_expected(case, result, case.expected)


def test_keep_rows_by_number_and_nan_on_sail(tmp_path: Path) -> None:
    done = python("-m", "tests.wheres", str(tmp_path), cwd=ROOT)
    assert_done(done)
    found = json.loads(done.stdout)
    assert len(found) > len(wheres.CASES)
    assert not wheres.wrong(found)


def test_read_json_on_sail(tmp_path: Path) -> None:
    done = python("-m", "tests.jsons", str(tmp_path), cwd=ROOT)
    assert_done(done)
    found = json.loads(done.stdout)
    assert [_in_order(one) for one in found] == [_in_order(expected) for _, _, expected in jsons.CASES]


def _in_order(found: Any) -> Any:
    """Return values in an order of their own: that of the files is no promise."""
    return sorted(found, key=repr) if isinstance(found, list) else found


def test_read_texts_exactly_or_stop_on_sail(tmp_path: Path) -> None:
    done = python("-m", "tests.parses", str(tmp_path), cwd=ROOT)
    assert_done(done)
    assert json.loads(done.stdout) == []
