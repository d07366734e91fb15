"""Partitions of an input without an engine: folders of files, and Delta tables by their log."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pytest

from sparkscale.artifact.states.keys import NULL
from sparkscale.errors import DataError
from sparkscale.formats import folders
from sparkscale.spark.sources import deltafiles


def write(root: Path, name: str, text: str = "x") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def prints(root: Path, *by: str) -> Any:
    files = folders.files_of(str(root))
    assert files is not None
    return folders.fingerprints(files, by)


def test_find_partitions_of_files(tmp_path: Path) -> None:
    write(tmp_path, "year=2013/month=1/a.parquet")
    write(tmp_path, "year=2013/month=2/a.parquet")
    write(tmp_path, f"year=2014/month={NULL}/a.parquet")
    write(tmp_path, "year=2014/month=a%2Fb ü/a.parquet")
    for hidden in (
        "_SUCCESS",
        "year=2013/month=1/.a.parquet.crc",
        "_temporary/year=1/month=1/a",
        "year=2013/_x/month=9/a",
    ):
        write(tmp_path, hidden)
    found = prints(tmp_path, "year", "month")
    assert sorted(found) == [("2013", "1"), ("2013", "2"), ("2014", NULL), ("2014", "a/b ü")]
    assert sorted(prints(tmp_path, "year")) == [("2013",), ("2014",)]
    assert prints(tmp_path, "day") is None
    assert prints(tmp_path, "month", "year").keys() == {key[::-1] for key in found}
    write(tmp_path, "a.parquet")
    assert prints(tmp_path, "year", "month") is None


@pytest.mark.parametrize("change", ["size", "time", "new", "gone", "renamed"])
def test_see_what_changes_a_partition(tmp_path: Path, change: str) -> None:
    path, other = write(tmp_path, "k=1/a"), write(tmp_path, "k=1/b")
    write(tmp_path, "k=2/a")
    before, known = prints(tmp_path, "k"), path.stat()
    assert prints(tmp_path, "k") == before
    {
        "size": lambda: (path.write_text("xy"), os.utime(path, ns=(known.st_atime_ns, known.st_mtime_ns))),
        "time": lambda: os.utime(path, ns=(known.st_atime_ns, known.st_mtime_ns + 1)),
        "new": lambda: write(tmp_path, "k=1/deeper/c"),
        "gone": other.unlink,
        "renamed": lambda: other.rename(other.with_name("c")),
    }[change]()
    after = prints(tmp_path, "k")
    assert (after["1",] != before["1",], after["2",] == before["2",]) == (True, True)


def test_know_what_cannot_be_listed(tmp_path: Path) -> None:
    assert folders.files_of(str(tmp_path / "*")) is None
    assert folders.files_of("hdfs://host/in") is None
    assert folders.files_of("s3://bucket/in/month=*") is None


def table(months: list[int], x: float = 1.0) -> pa.Table:
    return pa.table({"month": pa.array(months, pa.int32()), "x": [x] * len(months)})


def test_find_partitions_of_delta(tmp_path: Path) -> None:
    uri = str(tmp_path / "t")
    deltalake.write_deltalake(uri, table([1, 1, 2]), partition_by=["month"])
    first = deltafiles.partitions(uri, ["month"])
    assert first is not None
    assert sorted(first) == [("1",), ("2",)]
    deltalake.write_deltalake(uri, table([2, 3]), mode="append")
    second = deltafiles.partitions(uri, ["month"])
    assert second is not None
    assert {key: second[key] == first.get(key) for key in second} == {("1",): True, ("2",): False, ("3",): False}
    assert deltafiles.partitions(uri, ["month"], version=0) == first
    known = deltalake.DeltaTable(uri)
    known.create_checkpoint()
    known.delete("month = 3")
    third = deltafiles.partitions(uri, ["month"])
    assert third == {key: second[key] for key in (("1",), ("2",))}
    for number in (0, 1):  # which the checkpoint holds
        (tmp_path / "t" / "_delta_log" / f"{number:020d}.json").unlink()
    assert deltafiles.partitions(uri, ["month"]) == third
    assert deltafiles.partitions(uri, ["month"], version=0) is None
    assert deltafiles.partitions(uri, ["x"]) is None
    shutil.rmtree(tmp_path / "t" / "month=1")  # nothing of the data is looked at
    assert deltafiles.partitions(uri, ["month"]) == third


def commit(log: Path, number: int, *actions: Any) -> None:
    log.mkdir(parents=True, exist_ok=True)
    (log / f"{number:020d}.json").write_text("\n".join(map(json.dumps, actions)))


def test_see_deletion_vectors_and_mapped_names(tmp_path: Path) -> None:
    log = tmp_path / "_delta_log"
    mapped = {"name": "day", "type": "date", "metadata": {"delta.columnMapping.physicalName": "col-1"}}
    meta = {"schemaString": json.dumps({"fields": [mapped]}), "partitionColumns": ["day"]}
    added = {"path": "a.parquet", "partitionValues": {"col-1": "2013-01-01"}, "size": 1}
    other = {"path": "b.parquet", "partitionValues": {"col-1": None}, "size": 1}
    commit(log, 0, {"metaData": meta}, {"add": added}, {"add": other}, {"commitInfo": {}})
    first = deltafiles.partitions(str(tmp_path), ["day"])
    assert first is not None
    assert sorted(first) == [("2013-01-01",), (NULL,)]
    vector = {"storageType": "u", "pathOrInlineDv": "abc", "offset": 1, "sizeInBytes": 3, "cardinality": 2}
    commit(log, 1, {"remove": added}, {"add": {**added, "deletionVector": vector}})
    second = deltafiles.partitions(str(tmp_path), ["day"])
    assert second is not None
    assert second.keys() == first.keys()
    assert (second["2013-01-01",] != first["2013-01-01",], second[NULL,] == first[NULL,]) == (True, True)


@pytest.mark.parametrize("text", ["{", "[1]", '{"add": {"path": "a"}}', '{"add": 1}', "\xff"])
def test_refuse_damaged_logs(tmp_path: Path, text: str) -> None:
    log = tmp_path / "_delta_log"
    commit(log, 0, {"metaData": {"schemaString": "{}", "partitionColumns": ["k"]}})
    (log / f"{1:020d}.json").write_text(text, encoding="latin-1")
    with pytest.raises(DataError, match="expected a Delta table's log in") as caught:
        deltafiles.partitions(str(tmp_path), ["k"])
    assert caught.value.code == "INPUT_DAMAGED"


def test_leave_logs_of_other_forms_to_an_engine(tmp_path: Path) -> None:
    log = tmp_path / "_delta_log"
    commit(log, 5, {"commitInfo": {}})
    assert deltafiles.partitions(str(tmp_path), ["k"]) is None
    assert deltafiles.partitions(str(tmp_path / "_delta_log"), ["k"]) is None
