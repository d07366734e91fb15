"""Where metrics are appended: once for each name, whole or not at all. These tests start no engine."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from sparkscale.config import jobfile
from sparkscale.config.monitoring import Metrics
from sparkscale.errors import ConfigError, OutputError, SparkscaleError
from sparkscale.monitor.rows import DriftRow, Row
from sparkscale.publish import filesystem
from sparkscale.run import overlap
from sparkscale.spark.metrics import delta
from sparkscale.spark.metrics.append import SCHEMA, append

ROWS = [Row("x", "mean", 1.5, None, None, "none"), DriftRow("é\n", "ks", None, 0.1, 0.2, "warn", 0.15)]


def written(path: Path, rows: Any = ROWS, run: str = "r", part: str = "fit") -> None:
    append(Metrics(path=str(path)), run, part, rows, SimpleNamespace())  # type: ignore[arg-type]


def read(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pyarrow.dataset.dataset(path, format="parquet").to_table().to_pylist()
    return found


def test_write_a_part_of_a_run_once(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "metrics"
    written(place)
    rows = read(place)
    assert [row["verdict"] for row in rows] == ["none", "warn"]
    assert (rows[1]["feature"], rows[1]["value"], rows[1]["bound"]) == ("é\n", None, 0.1)
    written(place, ROWS[:1])  # a rerun
    assert read(place) == rows
    written(place, ROWS[:1], part="audit")
    written(place, ROWS[:1], run="s")
    assert len(read(place)) == 4
    assert sorted(path.name for path in place.iterdir()) == [
        "metrics-r-audit.parquet", "metrics-r-fit.parquet", "metrics-s-fit.parquet",
    ]  # fmt: skip
    assert pq.read_schema(place / "metrics-r-fit.parquet").equals(SCHEMA)


def test_clear_what_a_killed_run_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(filesystem, "rename", killed)
        patched.setattr(Path, "unlink", lambda *_, **__: None)  # a kill cleans nothing up
        with pytest.raises(KeyboardInterrupt):
            written(tmp_path)
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".metrics-r-fit.parquet.")
    assert read(tmp_path) == []
    written(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["metrics-r-fit.parquet"]


@pytest.mark.parametrize("has_rename", [True, False])
def test_let_one_of_many_writers_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_rename: bool) -> None:
    if not has_rename:
        monkeypatch.setattr(filesystem, "rename", lambda *_: False)
    errors: list[BaseException] = []

    def one(count: int) -> None:
        try:
            written(tmp_path, ROWS * count)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test shows it
            errors.append(error)

    threads = [threading.Thread(target=one, args=(count + 1,)) for count in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [path.name for path in tmp_path.iterdir()] == ["metrics-r-fit.parquet"]
    assert len(read(tmp_path)) % 2 == 0


def test_say_why_a_place_refuses(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SparkscaleError, match=r"writing metrics to .*file/metrics") as caught:
        written(tmp_path / "file" / "metrics")
    assert caught.value.exit_code == 73
    with pytest.raises(SparkscaleError, match="ftp://"):
        append(Metrics(path="ftp://host/x"), "r", "fit", ROWS, SimpleNamespace())  # type: ignore[arg-type]


def test_commit_to_delta_once_without_spark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delta, "is_sail", lambda _: True)
    for run in ("r", "r", "s"):
        append(Metrics(path=str(tmp_path / "t"), format="delta"), run, "fit", ROWS, SimpleNamespace())  # type: ignore[arg-type]
    table = DeltaTable(tmp_path / "t")
    assert (table.version(), table.to_pyarrow_table().num_rows) == (1, 4)
    assert table.transaction_version("sparkscale-metrics/r-fit") == 1
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="writing metrics to"):
        append(Metrics(path=str(tmp_path / "file" / "t"), format="delta"), "r", "fit", ROWS, SimpleNamespace())  # type: ignore[arg-type]


def test_keep_metrics_apart_from_everything_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    for path in ("in/m", "out", "stats/m", "."):
        Path("job.yaml").write_text(
            "version: 1\ninput: {format: parquet, path: in}\nsteps: [{kind: minmax, columns: x}]\n"
            f"artifact: {{path: stats}}\noutput: {{format: parquet, path: out}}\nmetrics: {{path: {path}}}\n"
        )
        with pytest.raises(ConfigError, match=r"metrics.path: '.*' overlaps the (input|output|artifact)"):
            overlap.check_input(jobfile.load("job.yaml").config)
