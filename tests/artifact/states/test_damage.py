"""Commits and data files that are damaged or hostile: each is refused, no code of them runs, nothing is written."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sparkscale.artifact import jsons
from sparkscale.artifact.states import commits, parquet
from sparkscale.artifact.states.states import States
from sparkscale.errors import DataError
from tests.artifact.states.tables import Table, month, names, table


def truncate(data: bytes) -> bytes:
    return data[: len(data) // 2]


def changed(**changes: Any) -> Any:
    """Return a change of a commit that keeps its checksum right."""

    def change(data: bytes) -> bytes:
        document = json.loads(data) | changes
        document.pop("checksum")
        for one in document["partitions"] if "first" in changes else ():
            one.update(changes["first"])
        document.pop("first", None)
        return json.dumps(document | {"checksum": jsons.checksum(document)}).encode()

    return change


@pytest.mark.parametrize(("change", "code"), [
    (lambda _: b"", "STATES_INVALID"),
    (lambda _: b"\xff\xfe", "STATES_INVALID"),
    (lambda _: b"[" * 100_000, "STATES_INVALID"),
    (lambda _: b"[]", "STATES_FORMAT"),
    (lambda _: b'{"format": "sparkscale-artifact"}', "STATES_FORMAT"),
    (truncate, "STATES_INVALID"),
    (lambda data: data.replace(b'"rows":40', b'"rows":41', 1), "STATES_CHECKSUM"),
    (lambda data: data.replace(b'"whole":false', b'"whole":false,"whole":true'), "STATES_INVALID"),
    (changed(format_version=2), "STATES_NEWER"),
    (changed(format_version="1"), "STATES_INVALID"),
    (changed(whole=1), "STATES_INVALID"),
    (changed(more=1), "STATES_INVALID"),
    (changed(by=[]), "STATES_INVALID"),
    (changed(by=[{"name": "month", "type": "double"}]), "STATES_INVALID"),
    (changed(by=[{"name": "month", "type": "integer"}]), "STATES_INVALID"),
    (changed(files=[]), "STATES_INVALID"),
    (changed(partitions={}), "STATES_INVALID"),
    (changed(pipeline={"steps": []}), "STATES_INVALID"),
    (changed(pipeline={"steps": [{"step": {"kind": "os.system"}, "inputs": [], "outputs": []}], "weight": None, "sketch": "needed", "columns": []}), "STATES_INVALID"),
    (changed(first={"rows": -1}), "STATES_INVALID"),
    (changed(first={"rows": 1.5}), "STATES_INVALID"),
    (changed(first={"key": ["2013-01"]}), "STATES_INVALID"),
    (changed(first={"key": [1]}), "STATES_INVALID"),
    (changed(first={"files": ["../../etc/passwd"]}), "STATES_INVALID"),
    (changed(first={"fingerprint": None}), "STATES_INVALID"),
    (changed(files=[{"name": "data/../../x.parquet", "size": 1, "sha256": "0" * 64, "features": {}}]), "STATES_INVALID"),
    (changed(removed=["2013-01"]), "STATES_INVALID"),
])  # fmt: skip
def test_refuse_damaged_commits(known: tuple[States, Table], change: Any, code: str) -> None:
    states, data = known
    path = Path(states.uri) / "commits" / "00000001.json"
    path.write_bytes(change(path.read_bytes()))
    before = names(states)
    for use in (states.merged, lambda: data.update(states), lambda: states.drop("month=2013-01"), states.compact):
        with pytest.raises(DataError, match=r"00000001\.json") as caught:
            use()
        assert (caught.value.code, caught.value.exit_code) == (code, 65)
    assert names(states) == before


def test_refuse_special_and_large_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "commits").mkdir()
    path = tmp_path / "commits" / "00000001.json"
    os.mkfifo(path)
    if States(tmp_path).log._numbers(States(tmp_path).log._opened()):  # the store lists it as an object
        with pytest.raises(DataError, match="expected a file, found a pipe or a device"):
            States(tmp_path).partitions()
    path.unlink()
    path.write_bytes(b"[" * 5000)
    monkeypatch.setattr(commits, "MAX_BYTES", 100)
    with pytest.raises(DataError, match="expected at most 100 bytes, found more"):
        States(tmp_path).partitions()


def test_refuse_gaps(tmp_path: Path) -> None:
    states, data, rng = States(tmp_path), table(1), np.random.default_rng(1)
    for number in range(3):
        data.put(f"2014-{number:02d}", month(rng, 5))
        data.update(states)
    (tmp_path / "commits" / "00000002.json").unlink()
    with pytest.raises(DataError, match=r"found one missing: .*00000002\.json") as caught:
        states.merged()
    assert caught.value.code == "STATES_DAMAGED"
    (tmp_path / "commits" / "00000001.json").unlink()
    with pytest.raises(DataError, match=r"found one missing: .*00000002\.json"):
        states.merged()


def rewritten(states: States, change: Any) -> None:
    """Change the data file, and the commit so that it names that."""
    root = Path(states.uri)
    (path,) = (root / "data").iterdir()
    content = change(path.read_bytes())
    path.write_bytes(content)
    commit = root / "commits" / "00000001.json"
    document = json.loads(commit.read_text())
    document["files"][0] |= {"size": len(content), "sha256": commits.digest(content)}
    document.pop("checksum")
    commit.write_text(json.dumps(document | {"checksum": jsons.checksum(document)}))


def columns(**changes: Any) -> Any:
    """Return a change of a data file's columns: a function of each one's values."""

    def change(data: bytes) -> bytes:
        found = pq.read_table(io.BytesIO(data))
        made = found.to_pydict()
        for name, act in changes.items():
            made[name] = act(made[name])
        buffer = io.BytesIO()
        schema = pa.schema([field for field in found.schema if made[field.name] is not None])
        pq.write_table(pa.table({name: made[name] for name in schema.names}, schema=schema), buffer)
        return buffer.getvalue()

    return change


def first(value: Any) -> Any:
    return lambda values: [value, *values[1:]]


@pytest.mark.parametrize("change", [
    lambda _: b"", lambda _: b"PAR1", truncate, lambda data: b"PAR1" + bytes(len(data) - 8) + b"PAR1",
    columns(feature=lambda _: None), columns(feature=first(None)), columns(finite=first(-1)), columns(rows=first(39)),
    columns(min=first(1e300)), columns(max=first(-1e300)), columns(mean=first(float("nan"))), columns(mean=first(None)),
    columns(m2=first(-1.0)), columns(m2=first(float("inf"))), columns(mean_lo=first(1.0)), columns(exp=first(10_000)), columns(exp=first(None)),
    columns(sketch=lambda values: [b"x" * 100 for _ in values]), columns(sketch=lambda values: [None for _ in values]),
    columns(month=lambda values: ["2013-09" for _ in values]), columns(feature=lambda values: ["x" for _ in values]),
    columns(nulls=lambda values: [value + 1 for value in values], rows=lambda values: [value + 1 for value in values]),
])  # fmt: skip
def test_refuse_hostile_data(known: tuple[States, Table], change: Any) -> None:
    states, _ = known
    rewritten(states, change)
    with pytest.raises(DataError) as caught:
        states.merged()
    assert (caught.value.exit_code, caught.value.code[:7]) in {(65, "STATES_"), (65, "ARTIFAC")}
    with pytest.raises(DataError):
        states.compact()


def test_refuse_data_that_is_not_what_was_committed(known: tuple[States, Table]) -> None:
    states, data = known
    (path,) = (Path(states.uri) / "data").iterdir()
    content = path.read_bytes()
    path.write_bytes(content[:-9] + b"X" + content[-8:])
    with pytest.raises(DataError, match="expected the content that was committed, found another"):
        states.merged()
    path.write_bytes(content + b"X")
    with pytest.raises(DataError, match=rf"expected {len(content):,} bytes, found {len(content) + 1:,}") as caught:
        states.merged()
    assert caught.value.code == "STATES_DAMAGED"
    path.unlink()
    with pytest.raises(
        DataError, match="expected the files that the newest commit needs, found one missing: "
    ) as caught:
        states.merged()
    assert caught.value.code == "STATES_DAMAGED"
    assert data.update(states).unchanged  # which needs no data


def test_refuse_parquet_that_claims_too_much(known: tuple[States, Table], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "MAX_ROWS", 8)
    with pytest.raises(DataError, match="expected states in Parquet, found something else"):
        known[0].merged()
