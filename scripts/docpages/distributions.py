"""What each kind of step does, as a picture: real numbers before it and after it."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from sample_data import write_flights

import sparkscale as ss
from sparkscale.errors import SparkscaleError
from sparkscale.scalers import base

#: What a kind is shown with, where its defaults do not show it, and the column that it is shown on.
_FIELDS: dict[str, dict[str, Any]] = {
    "chain": {"chain": [{"kind": "clip", "quantiles": [1, 99]}, {"kind": "asinh"}, {"kind": "standard"}]},
    "clip": {"quantiles": [5, 95]},
    "impute": {"value": "median"},
}
_COLUMNS = {"log1p": "distance"}
_UNITS = {"dep_delay": "departure delay, minutes", "distance": "distance, miles"}
#: Up to so many values a quantile sketch holds all of them, so that the picture is the same each time.
_ROWS = 1000
_SCORES = {"a": [2.0], "b": [1.0], "c": [0.1], "d": [-1.5]}
_WIDTH, _HEIGHT, _BINS = 300, 110, 40
_STYLE = "font: 12px sans-serif; fill: #777"


def svg(kind: str) -> str:
    """Return the picture of a kind; empty if it cannot be shown with its defaults."""
    try:
        panels = _of_row(kind) if base.REGISTRY[kind].by_row else _of_column(kind)
    except (SparkscaleError, TypeError):
        return ""
    body = "\n".join(line for number, panel in enumerate(panels) for line in _moved(number, panel))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * _WIDTH + 40} {_HEIGHT + 65}" role="img">'
    return f"{head}\n<title>{escape(kind)}: before and after</title>\n{body}\n</svg>\n"


def _of_column(kind: str) -> list[list[str]]:
    column = _COLUMNS.get(kind, "dep_delay")
    data = {"x": _flights()[column]}
    step = base.REGISTRY[kind]("x", **_FIELDS.get(kind, {}))
    after = ss.Pipeline([step]).fit_arrays(data).transform_arrays(data)["x"]
    return [_histogram(_UNITS[column], data["x"]), _histogram(kind, after)]


def _of_row(kind: str) -> list[list[str]]:
    step = base.REGISTRY[kind](list(_SCORES))
    made = ss.Pipeline([step]).fit_arrays(_SCORES).transform_arrays(_SCORES)
    after = {name: float(np.ma.filled(made[name], np.nan)[0]) for name in _SCORES}
    return [_bars("scores of a row", {name: values[0] for name, values in _SCORES.items()}), _bars(kind, after)]


@functools.cache
def _flights() -> dict[str, Any]:
    """Return some flights of 2013, evenly spread; a flight that was cancelled has no delay."""
    with tempfile.TemporaryDirectory() as folder:
        write_flights(Path(folder, "flights"), _ROWS)
        table = pq.read_table(Path(folder, "flights"))
    return {name: _masked(table[name].to_pylist()) for name in _UNITS}


def _masked(values: Sequence[float | None]) -> Any:
    return np.ma.MaskedArray([0.0 if x is None else x for x in values], mask=[x is None for x in values], dtype=float)


def _histogram(title: str, column: Any) -> list[str]:
    masked = np.ma.asarray(column)
    values = masked.compressed()
    low, high = float(values.min()), float(values.max())
    counts, _ = np.histogram(values, _BINS, (low, high if high > low else low + 1))
    nulls = int(masked.size - values.size)
    said = f"mean {_short(values.mean())}, std {_short(values.std())}" + (f", {nulls} null" if nulls else "")
    width = _WIDTH / _BINS
    bars = [_bar(n * width, width - 1, count / counts.max()) for n, count in enumerate(counts)]
    return [*_titles(title, said), *bars, _text(0, 16, _short(low)), _text(_WIDTH, 16, _short(high), "end")]


def _bars(title: str, numbers: dict[str, float]) -> list[str]:
    top, width = max(map(abs, numbers.values())), _WIDTH / len(numbers)
    lines = _titles(title, f"sum {_short(sum(numbers.values()))}")
    for n, (name, number) in enumerate(numbers.items()):
        lines.append(_bar(n * width, width - 8, abs(number) / top, negative=number < 0))
        lines.append(_text(n * width, 16, f"{name}: {_short(number)}"))
    return lines


def _titles(title: str, said: str) -> list[str]:
    return [_text(0, -24, title), _text(0, -8, said)]


def _bar(x: float, width: float, share: float, *, negative: bool = False) -> str:
    height = round(share * _HEIGHT, 1)
    fill = "#d4785a" if negative else "#4c8bb8"
    return f'<rect x="{x:.1f}" y="{_HEIGHT - height:.1f}" width="{width:.1f}" height="{height}" fill="{fill}"/>'


def _text(x: float, below: float, text: str, anchor: str = "start") -> str:
    """Return a text above the panel, or ``below`` its floor."""
    y = below if below < 0 else _HEIGHT + below
    return f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}" style="{_STYLE}">{escape(text)}</text>'


def _moved(number: int, panel: list[str]) -> Iterator[str]:
    yield f'<g transform="translate({10 + number * (_WIDTH + 20)} 40)">'
    yield from panel
    yield "</g>"


def _short(number: float | NDArray[np.float64]) -> str:
    """Return a number for people, three digits of it; rounding noise near zero is zero."""
    large, small = 1000, 1e-9
    return f"{number:,.0f}" if abs(number) >= large else f"{0.0 if abs(number) < small else float(number):.3g}"
