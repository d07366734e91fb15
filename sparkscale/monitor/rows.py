"""The result of a comparison: rows of one measure each, and the table of them."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from sparkscale.monitor.words import number, printable

Verdict: TypeAlias = Literal["none", "ok", "warn", "error"]
_GRAVITY: dict[Verdict, int] = {"error": 0, "warn": 1, "ok": 2, "none": 3}
HEADER = ("feature", "measure", "value", "bound", "threshold", "verdict")


@dataclass(frozen=True)
class Row:
    """One number about one feature, and what to think of it.

    Attributes:
        feature: its name.
        measure: what was measured.
        value: the number; None where it is undefined.
        bound: how far ``value`` may be from that of the raw data, by the errors of the quantile sketches.
        threshold: the threshold that was exceeded, or else the next one; None if the number is not judged.
        verdict: ``error``, ``warn``, ``ok``, or ``none`` if it is not judged: it has no threshold, no value, or too few
            rows.
    """

    feature: str
    measure: str
    value: float | None
    bound: float | None
    threshold: float | None
    verdict: Verdict

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values: feature, measure, value, bound, threshold, verdict."""
        return {name: _finite(getattr(self, name)) for name in HEADER}

    def cells(self) -> list[str]:
        """Return the row as text, one cell for each of :data:`HEADER`."""
        numbers = [number(self.value), number(self.bound), number(self.threshold)]
        return [printable(self.feature), self.measure, *numbers, self.verdict]


def _finite(value: Any) -> Any:
    """Return a value as JSON has it, which has no infinities."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True)
class DriftRow(Row):
    """One drift measure of one feature.

    Attributes:
        compared: the number that was compared with the thresholds: the magnitude of ``value``, less what sketches and
            chance can make of it.
    """

    compared: float = math.nan

    @property
    def over(self) -> float:
        """How many times the threshold was reached; above 1 if it is exceeded, NaN without one."""
        if self.threshold is None or math.isnan(self.compared):
            return math.nan
        if not self.threshold:
            return math.inf if self.compared else 0.0
        return self.compared / self.threshold

    @property
    def order(self) -> tuple[Any, ...]:
        """What rows are sorted by: verdict, how far over the threshold, then the names."""
        over = -1.0 if math.isnan(self.over) else self.over
        return _GRAVITY[self.verdict], -over, self.feature, self.measure

    def __str__(self) -> str:
        """Return the row in words."""
        if self.value is None:
            return f"column {self.feature!r}: {self.measure} is undefined, as the baseline is constant, and it changed"
        return f"column {self.feature!r}: {self.measure} {number(self.value)}{self._why}"

    @property
    def _why(self) -> str:
        if self.threshold is None:
            return ""
        less = abs(self.value or 0.0) - self.compared
        counted = f" ({number(self.compared)} without error and noise)" if less > 0.0005 * abs(self.compared) else ""
        relation = "is above" if self.verdict in ("warn", "error") else "is within"
        return f"{counted} {relation} {number(self.threshold)}"


class Drift(list[DriftRow]):
    """All measures of all features, those furthest over their thresholds first.

    Attributes:
        notes: what the rows do not say: features that only one side has, that have no quantile sketch, or few rows.
    """

    def __init__(self, rows: Iterable[DriftRow] = (), notes: Sequence[str] = ()) -> None:
        super().__init__(rows)
        self.notes = list(notes)

    @property
    def errors(self) -> list[DriftRow]:
        """The rows whose verdict is ``error``."""
        return [row for row in self if row.verdict == "error"]

    @property
    def warnings(self) -> list[DriftRow]:
        """The rows whose verdict is ``warn``."""
        return [row for row in self if row.verdict == "warn"]

    def to_dict(self) -> list[dict[str, Any]]:
        """Return the rows as JSON values."""
        return [row.to_dict() for row in self]

    def __repr__(self) -> str:
        """Return the table as text, and the notes."""
        rows = [list(HEADER), *(row.cells() for row in self)]
        widths = [max(len(row[j]) for row in rows) for j in range(len(HEADER))]
        lines = ["  ".join(_aligned(row, widths)).rstrip() for row in rows]
        return "\n".join([*lines, *(f"note: {printable(note)}" for note in self.notes)])

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in HEADER)
        body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row.cells())}</tr>" for row in self)
        notes = "".join(f"<p>{html.escape(printable(note))}</p>" for note in self.notes)
        return f"<table><tr>{head}</tr>{body}</table>{notes}"


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Return the cells of a row: text to the left, numbers to the right."""
    text = {0, 1, len(widths) - 1}
    return [
        cell.ljust(width) if j in text else cell.rjust(width)
        for j, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
