"""Filling missing values by a number, or by a statistic of the values that are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from sparkscale.maps import ColumnMap, Fill, IsMissing
from sparkscale.scalers.base import Scaler
from sparkscale.scalers.fields import Choice, Kind, Many, Rule, plain_of
from sparkscale.scalers.learning import sketch_of
from sparkscale.scalers.mismatch import At, Mismatch
from sparkscale.scalers.word_or_number import WordOrNumber
from sparkscale.stats.column import ColumnStats

_STATISTICS = ("mean", "median", "min", "max")
_NAME = Rule("a name such as '{column}_missing'", bool, {"minLength": 1})


class _Missing(Kind):
    """One or both of null and nan, each once; YAML's null is the word."""

    def read(self, value: Any, at: At, wrong: list[Mismatch]) -> Any:
        """See :class:`Kind`; returns a tuple in the order null, nan."""
        inner: list[Mismatch] = []
        found = Many(Choice(("null", "nan"))).read(value, at, inner)
        if inner or not found or len(set(found)) < len(found):
            wrong.append(Mismatch(at, "expected [null], [nan] or [null, nan]", plain_of(value)))
            return found
        return tuple(sorted(found, reverse=True))

    def schema(self) -> dict[str, Any]:
        """See :class:`Kind`."""
        return {"type": "array", "items": {"enum": ["null", "nan", None]}, "minItems": 1, "uniqueItems": True}


class Impute(Scaler, kind="impute"):
    """``value where x is missing, else x``: the mean, median, min or max of the finite values, or a number.

    The statistics behind it are those of the column and of a constant: imputing costs no scan. A median comes from a
    quantile sketch, exact up to 1,024 values and within 0.27 % of rank beyond.

    Attributes:
        value: what missing values become. Only a number serves for a column without a finite value.
        missing: what counts as missing: ``[null]``, ``[nan]`` or ``[null, nan]``.
        indicator: the name of a further column, 1 where a value was missing and 0 elsewhere; None for no such column.

    >>> Impute("x", value="median").solve(ColumnStats.of([1.0, 2.0, 9.0], quantiles=True)).formula
    '2.0 where x is null, else x'
    """

    formula = "value where x is missing, else x"

    value: Annotated[str | float, WordOrNumber(_STATISTICS)] = "mean"
    missing: Annotated[Sequence[Literal["null", "nan"]], _Missing()] = ("null",)
    indicator: Annotated[str, _NAME] | None = None

    @property
    def needs_quantiles(self) -> bool:  # type: ignore[override]  # of other scalers a constant
        """Whether the value is a median."""
        return self.value == "median"

    @property
    def needs_stats(self) -> bool:
        """Whether the value is a statistic."""
        return isinstance(self.value, str)

    @property
    def needs_values(self) -> bool:
        """Whether the value is a statistic, which a column without values has not."""
        return isinstance(self.value, str)

    def extra_outputs(self, column: str) -> tuple[str, ...]:
        """Return the name of the indicator, if there is one."""
        return (self.indicator.replace("{column}", column),) if self.indicator else ()

    def extra_maps(self, map_: ColumnMap) -> tuple[ColumnMap, ...]:  # noqa: ARG002 - it looks at the input alone
        """Return the map of the indicator."""
        return (IsMissing(self.missing),) if self.indicator else ()  # type: ignore[arg-type]  # a tuple by now

    def solve(self, stats: ColumnStats) -> Fill:
        """Return the filling map."""
        return Fill(self._number(stats), self.missing)  # type: ignore[arg-type]

    def _number(self, stats: ColumnStats) -> float:
        if not isinstance(self.value, str):
            return self.value
        if self.value != "median":
            return float(getattr(stats, self.value))
        return sketch_of(stats, self.kind).quantile(0.5)
