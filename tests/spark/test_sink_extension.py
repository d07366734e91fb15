"""A sink is one new file: defined here, it is known to the job file, its schema and the jobs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from sparkscale.config import jobfile, models
from sparkscale.errors import ConfigError, DataError, OutputError
from sparkscale.formats import registry
from sparkscale.publish.runs import Run
from sparkscale.report.tables import Report
from sparkscale.run import job
from sparkscale.run.explain import explain
from sparkscale.spark.sinks import base
from sparkscale.spark.sinks.base import Sink
from tests.spark.frames import write_parquet


@pytest.fixture(autouse=True)
def lines() -> Iterator[type[Sink]]:  # noqa: C901 - a whole sink
    """Define a sink: a file of one JSON line for the run, and one for each row."""

    class Lines(Sink, formats={"lines": ("spark",)}):
        transactional = False

        def begin(self, run: Run, held: contextlib.ExitStack) -> None:
            super().begin(run, held)
            known = self._lines()
            if known and known[0]["run_id"] == run.id:
                self.unchanged = known[0]

        def write(self, df: DataFrame) -> None:
            rows = (json.dumps(row.asDict()) for row in df.collect())
            self._new.write_text("\n".join(rows))

        def publish(self, record: Mapping[str, Any]) -> None:
            self._new.write_text("\n".join([json.dumps(dict(record)), self._new.read_text()]))
            self._new.rename(self._file)

        def abort(self) -> None:
            self._new.unlink(missing_ok=True)

        def folder(self) -> None:
            return None

        def partitions(self) -> tuple[str, ...] | None:
            return () if self._file.exists() else None

        def existing(self) -> Mapping[str, str] | None:
            return None

        @property
        def _file(self) -> Path:
            return Path(self.place or "")

        @property
        def _new(self) -> Path:
            return self._file.with_name(f"_{self._file.name}")

        def _lines(self) -> list[Any]:
            return [json.loads(line) for line in self._file.read_text().splitlines()] if self._file.exists() else []

    yield Lines
    base.REGISTRY.remove(Lines)
    del registry.WRITTEN["lines"]


@pytest.fixture
def run(spark: SparkSession, here: Path) -> Callable[..., Report]:
    """Give a function that runs a job on three rows."""
    write_parquet(here / "in" / "a.parquet", {"x": [0.0, 1.0, 2.0], "y": [1.0, 1.0, 1.0]})

    def run(source: str = "{format: parquet, path: in}", **more: Any) -> Report:
        return job.run(loaded(source, **more))

    return run


def loaded(source: str = "{format: parquet, path: in}", output: str = "{format: lines, path: out}", **more: Any) -> Any:
    """Load a job file."""
    parts = {"version": 1, "input": source, "steps": "[{kind: minmax, columns: x}]", "output": output} | more
    Path("job.yaml").write_text("\n".join(f"{key}: {value}" for key, value in parts.items()))
    return jobfile.load("job.yaml")


def test_publish_to_a_sink_defined_here(here: Path, run: Callable[..., Report]) -> None:
    done = run(artifact="{path: stats}", audit="true")
    assert (done.status, done.rows, done.output) == ("done", 3, {"path": "out", "format": "lines"})
    record, *rows = [json.loads(line) for line in Path("out").read_text().splitlines()]
    assert record.pop("audit") == done.to_dict()["audit"] != []
    assert rows == [{"x": 0.0, "y": 1.0}, {"x": 0.5, "y": 1.0}, {"x": 1.0, "y": 1.0}]
    assert record == {"run_id": done.run_id, "command": "run", "mode": "error", "rows": 3,
                      "artifact": {"path": "stats", "version": 1}}  # fmt: skip
    again = run(artifact="{path: stats}", audit="true")
    assert (again.status, again.rows, again.artifact) == ("unchanged", 3, {"path": "stats", "version": 1})
    with pytest.raises(OutputError, match="output out already exists"):
        run(self_check=1)
    assert {path.name for path in here.iterdir()} == {"in", "job.yaml", "out", "stats"}


def test_abort_where_a_run_is_refused(here: Path, run: Callable[..., Report], lines: Any) -> None:
    written: list[bool] = []
    write = lines.write
    lines.write = lambda self, df: (write(self, df), written.append(self._new.exists()))
    with pytest.raises(DataError, match="expected rows in the input"):
        run("{format: parquet, path: in, where: {x: 9}}", steps="[{kind: softmax, columns: [x, y]}]")
    assert written == [True]
    assert {path.name for path in here.iterdir()} == {"in", "job.yaml"}


def test_explain_a_sink_defined_here(run: Callable[..., Report]) -> None:
    assert list(explain(loaded()).lines())[-1] == "output: out (lines, error), staged, then put into place in one step"


def test_name_it_in_the_job_file(here: Path, lines: Any) -> None:
    with pytest.raises(
        ConfigError, match=r"expected 'parquet', .* 'table' or 'lines', found 'linse'; did you mean 'lines'"
    ):
        loaded(output="{format: linse, path: out}")
    with pytest.raises(ConfigError, match=r"input\.format: expected 'parquet', .* or 'table', found 'lines'"):
        loaded("{format: lines, path: in}")
    known = models.json_schema()["$defs"]
    assert "lines" in known["Output"]["properties"]["format"]["enum"]
    assert "lines" not in known["Input"]["properties"]["format"]["enum"]


def test_refuse_an_engine_that_it_does_not_have(run: Callable[..., Report], lines: Any) -> None:
    lines.formats = {"lines": ("sail",)}
    with pytest.raises(ConfigError, match="expected a format that Spark has, found lines"):
        run()
