"""The log in storage: what a commit writes, what other programs read of it, and places that have none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sparkscale.artifact.states import parquet
from sparkscale.artifact.states.keys import By
from sparkscale.artifact.states.states import States
from sparkscale.errors import SparkscaleError
from sparkscale.stats.column import ColumnStats
from tests.artifact.states.tables import Table, assert_same, month, names, table


def test_write_one_commit_and_one_file(known: tuple[States, Table]) -> None:
    commit, data = names(known[0])
    assert commit == "commits/00000001.json"
    assert data.startswith("data/")
    document = json.loads((Path(known[0].uri) / commit).read_text())
    assert [one["key"] for one in document["partitions"]] == [["2013-01"], ["2013-02"], ["2013-03"]]
    assert document["files"][0]["features"] == {"x": False, "odd": False, "far": True}


def test_read_by_other_programs(known: tuple[States, Table]) -> None:
    import duckdb

    path = next((Path(known[0].uri) / "data").iterdir())
    query = "SELECT month, feature, mean, sqrt(m2 * power(4, exp) / finite), octet_length(sketch) > 100 FROM read_parquet(?)"
    rows = duckdb.execute(f"{query} ORDER BY ALL", [str(path)]).fetchall()
    assert [row[:2] for row in rows][:3] == [("2013-01", "far"), ("2013-01", "odd"), ("2013-01", "x")]
    x = known[1].partitions["2013-01",]["x"]
    np.testing.assert_allclose(rows[2][2:4], [x.mean(), x.std()], rtol=1e-14)
    assert rows[0][4]


def test_keep_names_of_keys_apart_from_those_of_statistics(tmp_path: Path) -> None:
    by = By.of(["Feature", "max", "max_"], {"Feature": "string", "max": "int", "max_": "date"})
    assert parquet.schema_of(by, weighted=False).names[:4] == ["Feature_", "max_", "max__", "feature"]
    stats = {("a", 1, None): {"x": ColumnStats.of([1.0])}}
    assert parquet.decode(parquet.encode(by, stats), by, "f").rows == {(("a", 1, None), "x"): 0}


def test_say_all_in_every_sixteenth_commit(tmp_path: Path) -> None:
    states, data, rng = States(tmp_path), table(1), np.random.default_rng(1)
    for number in range(34):
        data.put(f"2014-{number:02d}", month(rng, 5))
        data.update(states)
    whole = [json.loads(path.read_text())["whole"] for path in sorted((tmp_path / "commits").iterdir())]
    assert [number + 1 for number, one in enumerate(whole) if one] == [16, 32]
    for number in range(1, 32):  # nobody reads them any more
        (tmp_path / "commits" / f"{number:08d}.json").unlink()
    assert_same(states.merged().stats, data.fit(data.partitions).stats)
    assert [one.commit for one in states.partitions()] == [1, *range(1, 35)]


@pytest.mark.parametrize("uri", ["ftp://host/x", "http:/x"])
def test_refuse_places_of_unknown_schemes(uri: str) -> None:
    with pytest.raises(SparkscaleError) as caught:
        table().update(States(uri))
    assert caught.value.code == "STORE_SCHEME"
