"""Statistics by group in artifacts: in the document or in a Parquet file beside it, and what is wrong with either."""

import json
import time

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import sparkscale as ss
from sparkscale.artifact import chance, document, envelope, groups, tables
from sparkscale.errors import DataError

RNG = np.random.default_rng(3)


def fit(count, **fields):
    table = {"k": RNG.permutation(np.arange(2 * count) % count), "x": RNG.normal(5, 1, 2 * count)}
    return ss.Pipeline([ss.Standard("x", by="k", **fields)]).fit_arrays(table)


@pytest.fixture
def many(monkeypatch):
    """An artifact whose groups go into a file."""
    monkeypatch.setattr(groups, "JSON_ENTRIES", 10)
    return fit(11)


def file_of(folder):
    (file,) = folder.glob("groups-*.parquet")
    return file


def test_write_few_groups_into_the_document(tmp_path):
    fitted = fit(10)
    fitted.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["00000001.json"]
    content = json.loads((tmp_path / "00000001.json").read_text())
    assert content["groups"][0]["keys"] == [list(range(10))]
    assert content["steps"][0]["maps"][0]["center"] == fitted.stats["x"].mean
    assert ss.load(tmp_path) == fitted


def test_write_many_groups_beside_it(tmp_path, many):
    assert many.save(tmp_path) == 1
    assert many.save(tmp_path) == 1
    assert len(list(tmp_path.iterdir())) == 2
    rows = {"k": np.arange(12), "x": RNG.normal(5, 1, 12)}
    for place in (tmp_path, tmp_path / "00000001.json"):
        loaded = ss.load(place)
        assert loaded == many
        assert loaded.transform_arrays(rows)["x"].tolist() == many.transform_arrays(rows)["x"].tolist()


def test_keep_sketches_in_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(groups, "JSON_ENTRIES", 1)
    table = {"k": np.array(["a", "b", None, "a"], dtype=object), "x": np.array([1.0, 2.0, np.nan, 3.0])}
    fitted = ss.Pipeline([ss.Robust("x", by="k")]).fit_arrays(table)
    fitted.save(tmp_path)
    assert ss.load(tmp_path) == fitted
    assert ss.merge([ss.load(tmp_path), fitted]).tables["k",].of("a")["x"].quantiles.count == 4


def test_keep_a_version_for_a_fit_that_differs_by_chance(tmp_path):
    """Sketches of more than 1,024 values are random; another order of the rows gives others."""
    x = RNG.normal(5, 1, 20_000)
    pipeline = ss.Pipeline([ss.Robust("x", by="k")])
    one, other = (pipeline.fit_arrays({"k": np.repeat([0, 1], 10_000), "x": x}) for _ in "12")
    one.save(tmp_path)
    assert chance.settled(other, str(tmp_path)) == one
    moved = pipeline.fit_arrays({"k": np.repeat([0, 1], [9_000, 11_000]), "x": x})
    assert chance.settled(moved, str(tmp_path)) is moved


def test_refuse_a_file_that_is_not_there(tmp_path, many):
    many.save(tmp_path)
    file_of(tmp_path).unlink()
    with pytest.raises(DataError, match="beside the artifact, found none"):
        ss.load(tmp_path)
    with pytest.raises(DataError, match="beside the artifact, found none"):
        document.load(document.dump(many))


@pytest.mark.parametrize("place", [0, 10, 500, -20, -1])
def test_refuse_a_flipped_byte(tmp_path, many, place):
    many.save(tmp_path)
    data = bytearray(file_of(tmp_path).read_bytes())
    data[place] ^= 1
    file_of(tmp_path).write_bytes(data)
    with pytest.raises(DataError, match="does not match its checksum"):
        ss.load(tmp_path)


def write(folder, table):
    """Put another file beside an artifact, under the checksum that it has, which the document then says."""
    out = pa.BufferOutputStream()
    parquet.write_table(table, out)
    data = out.getvalue().to_pybytes()
    (folder / tables.name_of(data)).write_bytes(data)
    change(folder, lambda content: content["groups"][0].update(file=tables.name_of(data)))


def change(folder, how):
    content = json.loads((folder / "00000001.json").read_text())
    how(content)
    content.pop("checksum")
    content["checksum"] = envelope.checksum(content)
    (folder / "00000001.json").write_text(json.dumps(content))


def column(name, values):
    return lambda table: table.set_column(table.column_names.index(name), name, pa.array(values))


@pytest.mark.parametrize(
    "how",
    [
        lambda table: table.slice(1),
        lambda table: table.drop_columns(["k0"]),
        lambda table: table.drop_columns(["f0_mean"]),
        column("k0", [0] * 11),
        column("k0", list(range(10, -1, -1))),
        column("k0", [str(i) for i in range(11)]),
        column("f0_finite", [2] * 10 + [-2]),
        column("f0_finite", [2] * 10 + [3]),
        column("f0_finite", [2.0] * 11),
        column("f0_mean", [1e9] * 11),
        column("f0_mean", [float("nan")] * 11),
        column("f0_m2", [-1.0] * 11),
        column("f0_m2", [1e300] * 11),
        column("f0_exp", [10**6] * 11),
        column("f0_max", [float("inf")] * 11),
        column("f0_min", pa.array([None] * 11, pa.float64())),
        lambda table: table.append_column("f0_sketches", pa.array([b"no sketch"] * 11)),
    ],
)
def test_refuse_files_of_other_content(tmp_path, many, how):
    many.save(tmp_path)
    write(tmp_path, how(parquet.read_table(file_of(tmp_path))))
    with pytest.raises(DataError) as found:
        ss.load(tmp_path)
    assert found.value.exit_code == 65


def test_refuse_more_statistics_than_memory_holds(tmp_path, many, monkeypatch):
    many.save(tmp_path)
    monkeypatch.setattr(tables, "MAX_ENTRIES", 10)
    with pytest.raises(DataError, match="at most 10 statistics"):
        ss.load(tmp_path)
    monkeypatch.setattr(tables, "MAX_BYTES", 10)
    with pytest.raises(DataError, match="at most 10 bytes"):
        ss.load(tmp_path)


@pytest.mark.parametrize(
    "how",
    [
        lambda content: content.pop("groups"),
        lambda content: content["groups"].clear(),
        lambda content: content["groups"].append(content["groups"][0] | {"by": ["other"]}),
        lambda content: content["groups"][0].update(by=["other"]),
        lambda content: content["groups"][0].update(types=["string"]),
        lambda content: content["groups"][0].update(types=["double"]),
        lambda content: content["groups"][0].update(groups=2),
        lambda content: content["groups"][0].update(keys=[[1, 0, 2]]),
        lambda content: content["groups"][0].update(keys=[[0, 0, 2]]),
        lambda content: content["groups"][0].update(keys=[[0, 1, None]]),
        lambda content: content["groups"][0].update(keys=[["a", "b", "c"]]),
        lambda content: content["groups"][0].update(keys=3),
        lambda content: content["groups"][0].update(file="../x.parquet"),
        lambda content: content["groups"][0].update(file="groups-/../../etc/passwd.parquet"),
        lambda content: content["groups"][0].update(file=["groups-.parquet"]),
        lambda content: content["groups"][0]["features"].update(y=content["groups"][0]["features"]["x"]),
        lambda content: content["groups"][0]["features"]["x"].pop(),
        lambda content: content["groups"][0]["features"]["x"][0].update(finite=7, rows=7),
        lambda content: content["steps"][0].pop("keys"),
        lambda content: content["steps"][0]["keys"][0].update(type="double"),
        lambda content: content["steps"][0]["keys"][0].update(path=["y"]),
        lambda content: content["steps"][0]["step"].update(by=None),
        lambda content: content["steps"][0]["step"].update(by=["k", "x"]),
    ],
)
def test_refuse_documents_of_other_content(tmp_path, how):
    fit(3).save(tmp_path)
    ss.load(tmp_path)
    change(tmp_path, how)
    with pytest.raises(DataError) as found:
        ss.load(tmp_path)
    assert found.value.exit_code == 65


def test_save_and_load_100_000_groups_quickly(tmp_path):
    """Measured: 1 s of processor time."""
    start = time.process_time()
    fitted = fit(100_000)
    fitted.save(tmp_path)
    loaded = ss.load(tmp_path)
    out = loaded.transform_arrays({"k": np.arange(100_000), "x": np.full(100_000, 5.0)})["x"]
    assert time.process_time() - start < 10
    assert out.size == 100_000
