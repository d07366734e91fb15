"""Scalers: rules that turn column statistics into a map. THE extension point.

A scaler is one small class: its fields are its keys in the job file, its ``kind`` is its tag
there, ``solve`` makes its map. Nothing else has to be told about it.

Column scalers (*normalization*) rescale each feature over all rows, for models that train on it.
Row maps turn the scores of one row into numbers of that row: *softmax* into probabilities that
sum to 1. They need no statistics; a softmax is not a way to scale features.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from numbers import Real
from typing import Any, ClassVar, Literal, TypeAlias, dataclass_transform

import numpy as np
from typing_extensions import TypedDict

from sparkscale import maps
from sparkscale.errors import ConfigError
from sparkscale.maps import Affine, Map, nonzero
from sparkscale.stats import EPS, ColumnStats

#: A choice of columns by dtype: ``{"dtype": "numeric", "except": ["year"]}``.
ByDtype = TypedDict(
    "ByDtype",
    {"dtype": Literal["numeric", "integer", "floating", "decimal"], "except": list[str]},
    total=False,
)
Selector: TypeAlias = str | ByDtype

#: Every kind of step by its tag in the job file; filled by defining a class with ``kind=``.
REGISTRY: dict[str, type[Step]] = {}


@dataclass_transform(kw_only_default=True, frozen_default=True)
@dataclass(frozen=True, kw_only=True)
class Step:
    """What every step has.

    Attributes:
        columns: names, globs (``*_delay``), ``/regular expressions/`` (searched for), or
            ``{dtype: numeric, except: [year]}``; one or a list. A pattern chooses numeric columns only.
        into: the name of the output, with ``{column}`` for the input's; None replaces in place.
        dtype: of the output.
        nonfinite: ``keep`` leaves NaN and infinities out of the statistics and counts them;
            ``error`` stops the job where there are any.
        empty: ``error`` stops the job where a column has no finite value (or every score is null);
            ``null`` accepts it and gives null.
    """

    kind: ClassVar[str]
    by_row: ClassVar[bool] = False
    needs_quantiles: ClassVar[bool] = False

    columns: Selector | Sequence[Selector] = field(kw_only=False)
    into: str | None = None
    dtype: Literal["float64", "float32"] = "float64"
    nonfinite: Literal["keep", "error"] = "keep"
    empty: Literal["error", "null"] = "error"

    def __init_subclass__(cls, kind: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclass(frozen=True, kw_only=True)(cls)
        if kind:
            cls.kind = kind
            REGISTRY[kind] = cls

    def __post_init__(self) -> None:
        """Bring ``columns`` into its one form, a tuple, and check all fields."""
        one = isinstance(self.columns, str | Mapping) or not isinstance(self.columns, Iterable)
        chosen = (self.columns,) if one else tuple(self.columns)
        if not (chosen and all(item and isinstance(item, str | Mapping) for item in chosen)):
            raise ConfigError(
                "CONFIG_VALUE",
                f"columns: expected at least one name, pattern or {{dtype: ...}}, found {self.columns!r}",
            )
        object.__setattr__(self, "columns", chosen)
        _check_patterns(chosen)
        if self.into is not None and not self.into:
            raise ConfigError("CONFIG_VALUE", "into: expected a name such as '{column}_scaled', found ''")
        _one_of("dtype", self.dtype, "float64", "float32")
        _one_of("nonfinite", self.nonfinite, "keep", "error")
        _one_of("empty", self.empty, "error", "null")
        self.validate()

    def validate(self) -> None:
        """Check the fields of one's own; raise :class:`ConfigError`."""

    @property
    def selectors(self) -> tuple[Selector, ...]:
        """The columns in their one form."""
        return self.columns  # type: ignore[return-value]

    def to_dict(self) -> dict[str, Any]:
        """Return the kind and every field, defaults too, as JSON values."""
        out: dict[str, Any] = {"kind": self.kind}
        for item in fields(self):
            value = getattr(self, item.name)
            out[item.name] = list(value) if isinstance(value, tuple) else value
        return out


class Scaler(Step):
    """A step that rescales each of its columns by the statistics of that column."""

    def solve(self, stats: ColumnStats) -> Map:
        """Return the map of a column with these statistics, which hold at least one finite value."""
        raise NotImplementedError


class RowStep(Step):
    """A step over the scores of a row: two or more columns, or one array column."""

    by_row: ClassVar[bool] = True

    def solve_row(self) -> maps.RowMap:
        """Return the map; it needs no statistics."""
        raise NotImplementedError


class Standard(Scaler, kind="standard"):
    """``(x - mean) / std``: z-scores.

    std is ``sqrt(M2 / (n - ddof))``; ddof 0 as in NumPy and scikit-learn, 1 as in Spark MLlib.
    A column counts as constant where min == max, or where std is no larger than the rounding of
    the stored doubles, ``eps * |mean|``; then the scale is 1.

    >>> Standard("x").solve(ColumnStats.of([1.0, 2.0, 3.0])).formula
    '(x - 2.0) / 0.816496580927726'
    """

    with_mean: bool = True
    with_std: bool = True
    ddof: Literal[0, 1] = 0

    def validate(self) -> None:
        """Check ddof."""
        _one_of("ddof", self.ddof, 0, 1)

    def solve(self, stats: ColumnStats) -> Affine:
        """Return the z-score map."""
        half = abs(stats.mean) >= maps.HUGE or math.isinf(stats.std_of(self.ddof))
        prescale = 0.5 if half else 1.0
        # A std below the least double would make a column that varies a constant one.
        std = max(stats.std_of(self.ddof, unit=int(half)), math.ulp(0.0)) if stats.m2 else 0.0
        varies = not stats.constant and std > EPS * abs(stats.mean) * prescale
        return Affine(
            center=stats.mean if self.with_mean else 0.0,
            scale=std if self.with_std and varies else prescale,
            prescale=prescale,
        )


class MinMax(Scaler, kind="minmax"):
    """``(x - min) / (max - min) * (b - a) + a`` for the range ``[a, b]``; min and max map onto a and b exactly.

    >>> MinMax("x").solve(ColumnStats.of([10, 20, 30, 40])).forward(np.array([10.0, 20.0, 30.0, 40.0]))
    array([0.        , 0.33333333, 0.66666667, 1.        ])
    """

    range: tuple[float, float] = (0.0, 1.0)
    clip: bool = False

    def validate(self) -> None:
        """Check the range."""
        low, high = _pair(self.range)
        if not (math.isfinite(high - low) and low < high):
            raise ConfigError(
                "CONFIG_VALUE",
                f"range: expected two finite numbers [low, high], low < high, found {self.range!r}",
            )
        object.__setattr__(self, "range", (low, high))

    def solve(self, stats: ColumnStats) -> Affine:
        """Return the min-max map."""
        clip = self.range if self.clip else None
        return Affine.spanning(stats.min, stats.max, center=stats.min, onto=self.range, clip=clip)


class MaxAbs(Scaler, kind="maxabs"):
    """``x / max(|x|)``: into [-1, 1]; 0 stays 0."""

    clip: bool = False

    def solve(self, stats: ColumnStats) -> Affine:
        """Return the max-abs map."""
        scale = nonzero(max(abs(stats.min), abs(stats.max)))
        return Affine(scale=scale, clip=(-1.0, 1.0) if self.clip else None)


class Robust(Scaler, kind="robust"):
    """``(x - median) / (q_high - q_low)``, by quantiles out of a KLL sketch (rank error 0.27 %)."""

    needs_quantiles: ClassVar[bool] = True

    quantile_range: tuple[float, float] = (25.0, 75.0)
    with_centering: bool = True
    with_scaling: bool = True

    def validate(self) -> None:
        """Check the quantile range."""
        low, high = _pair(self.quantile_range)
        if not 0 <= low < high <= 100:  # noqa: PLR2004 - percent
            raise ConfigError(
                "CONFIG_VALUE",
                "quantile_range: expected two percentages [low, high], 0 <= low < high <= 100, "
                f"found {self.quantile_range!r}",
            )
        object.__setattr__(self, "quantile_range", (low, high))

    def solve(self, stats: ColumnStats) -> Affine:
        """Return the robust map."""
        if stats.quantiles is None:
            raise ConfigError("STATS_QUANTILES", "robust: expected statistics with a quantile sketch, found none")
        quantile = stats.quantiles.quantile
        low, high = (quantile(percent / 100) for percent in self.quantile_range) if self.with_scaling else (0.0, 1.0)
        return Affine.spanning(low, high, center=quantile(0.5) if self.with_centering else 0.0)


class MeanNorm(Scaler, kind="mean_norm"):
    """``(x - mean) / (max - min)``."""

    clip: bool = False

    def solve(self, stats: ColumnStats) -> Affine:
        """Return the mean normalization map."""
        plain = Affine.spanning(stats.min, stats.max, center=stats.mean)
        if not self.clip:
            return plain
        low, high = plain.forward(np.array([stats.min, stats.max])).tolist()
        return Affine.spanning(stats.min, stats.max, center=stats.mean, clip=(low, high))


class UnitNorm(RowStep, kind="unit_norm"):
    """``x / norm(x)`` by row: l1, l2 or max."""

    norm: Literal["l1", "l2", "max"] = "l2"

    def validate(self) -> None:
        """Check the norm."""
        _one_of("norm", self.norm, "l1", "l2", "max")

    def solve_row(self) -> maps.UnitNorm:
        """Return the unit-norm map."""
        return maps.UnitNorm(nonfinite=self.nonfinite, norm=self.norm)


class Softmax(RowStep, kind="softmax"):
    """``exp(x_i / T) / sum_j exp(x_j / T)`` over the scores of a row: probabilities that sum to 1.

    Attributes:
        temperature: T > 0; scores are divided by it first.
        nulls: ``null``: a null score makes the row null; ``mask``: it is left out, the others sum to 1.
        undefined: what stands in a row whose scores are all -inf: ``null``, ``zeros``, ``uniform`` or ``error``.

    >>> row, no_null = np.array([[2.0, 1.0, 0.1]]), np.zeros((1, 3), dtype=bool)
    >>> Softmax(["a", "b", "c"]).solve_row().forward(row, no_null)[0].round(3)
    array([[0.659, 0.242, 0.099]])
    """

    log: ClassVar[bool] = False

    temperature: float = 1.0
    nulls: Literal["null", "mask"] = "null"
    undefined: Literal["null", "zeros", "uniform", "error"] = "null"

    def validate(self) -> None:
        """Check temperature and policies."""
        temperature = _number(self.temperature)
        if not 0 < temperature < math.inf:
            raise ConfigError("CONFIG_VALUE", f"temperature: expected a finite number > 0, found {self.temperature!r}")
        object.__setattr__(self, "temperature", temperature)
        _one_of("nulls", self.nulls, "null", "mask")
        _one_of("undefined", self.undefined, "null", "zeros", "uniform", "error")

    def solve_row(self) -> maps.Softmax:
        """Return the softmax map."""
        return maps.Softmax(self.nonfinite, self.temperature, self.nulls, self.undefined, self.log)


class LogSoftmax(Softmax, kind="log_softmax"):
    """``x_i / T - log(sum_j exp(x_j / T))``: the logarithm of :class:`Softmax`, without exponentiating twice."""

    log: ClassVar[bool] = True


def _number(value: object) -> float:
    """Return a real number as a float (-0 as 0), and NaN, which no check passes, for anything else."""
    return float(value) + 0.0 if isinstance(value, Real) and not isinstance(value, bool) else math.nan


def _pair(value: object) -> tuple[float, float]:
    """Return two real numbers as floats, and two NaN for anything else."""
    if not isinstance(value, list | tuple) or len(value) != 2:  # noqa: PLR2004 - a pair
        return math.nan, math.nan
    return _number(value[0]), _number(value[1])


def pattern_of(selector: str) -> re.Pattern[str] | None:
    """Return the regular expression of ``/.../``, or None for a name or glob; raises :class:`ConfigError`."""
    if len(selector) <= 2 or not selector[0] == selector[-1] == "/":  # noqa: PLR2004 - two slashes and a pattern
        return None
    try:
        return re.compile(selector[1:-1])
    except re.error as error:
        cause = f"columns: expected a regular expression between slashes, found {selector!r} ({error})"
        raise ConfigError("CONFIG_VALUE", cause) from error


def _check_patterns(chosen: Iterable[Any]) -> None:
    for item in chosen:
        for text in [item] if isinstance(item, str) else item.get("except", []):
            pattern_of(text)


def _one_of(name: str, value: object, *allowed: object) -> None:
    if value not in allowed or isinstance(value, bool):
        expected = " or ".join(repr(choice) for choice in allowed)
        raise ConfigError("CONFIG_VALUE", f"{name}: expected {expected}, found {value!r}")
