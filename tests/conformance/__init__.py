"""Cases that any implementation has to pass, as data files; README.md describes their form."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import sparkscale as ss
from sparkscale.scalers.kinds import from_dict

_NUMBERS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


@dataclass(frozen=True)
class Case:
    """A pipeline, what it learns from, what it transforms, and what has to come out."""

    name: str
    pipeline: ss.Pipeline
    fit: dict[str, Any]
    transform: dict[str, Any]
    output: dict[str, Any]
    ulps: float

    def check(self, found: dict[str, Any]) -> None:
        """Compare: nulls, NaN, infinities and lengths exactly, numbers within the units."""
        assert list(found) == list(self.output), self.name
        for column, expected in self.output.items():
            _check(found[column], expected, self.ulps, f"{self.name}: {column}")


def cases() -> list[Case]:
    """Return the cases of all files."""
    files = sorted(Path(__file__).parent.glob("*.json"))
    return [_case(file.stem, data) for file in files for data in json.loads(file.read_text(encoding="utf-8"))]


def kinds() -> set[str]:
    """Return the kinds that have cases."""
    return {file.stem for file in Path(__file__).parent.glob("*.json")}


def plain(column: Any) -> Any:
    """Return a column of arrays as lists, None for a null."""
    if not isinstance(column, np.ndarray):
        return column
    return [plain(row) for row in column] if column.dtype == object else column.tolist()


def _case(kind: str, data: dict[str, Any]) -> Case:
    fit, output = _columns(data["fit"]), _columns(data["output"])
    transform = _columns(data["transform"]) if "transform" in data else fit
    pipeline = ss.Pipeline([from_dict(step) for step in data["steps"]])
    return Case(f"{kind}: {data['name']}", pipeline, fit, transform, output, data.get("ulps", 4))


def _columns(columns: dict[str, Any]) -> dict[str, Any]:
    return {name: [_value(value) for value in values] for name, values in columns.items()}


def _value(value: Any) -> Any:
    return [_value(item) for item in value] if isinstance(value, list) else _NUMBERS.get(value, value)


def _check(found: list[Any], expected: list[Any], ulps: float, where: str) -> None:
    assert len(found) == len(expected), where
    for row, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        if isinstance(theirs, list):
            assert isinstance(ours, list), f"{where}, row {row}"
            _check(ours, theirs, ulps, f"{where}, row {row}")
        elif not isinstance(theirs, int | float):
            assert ours == theirs, f"{where}, row {row}"
        else:
            assert ours is not None, f"{where}, row {row}"
            slack = ulps * float(np.spacing(abs(theirs))) if np.isfinite(theirs) else 0.0
            assert np.isclose(ours, theirs, rtol=0, atol=slack, equal_nan=True), f"{where}, row {row}: {ours!r}"
